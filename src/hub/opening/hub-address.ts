import type { Server } from "node:http";
import type { Registry } from "../../engine/index.ts";
import { listenOn, urlOf } from "../http/listen.ts";
import type { Tls } from "../http/tls.ts";
import type { HubOptions } from "./hub-options.ts";

const ADDRESS_KEY = "address";

/** Notes the address that invites name, so that a recovered hub can say where it has to be. */
async function noteAddress(registry: Registry, url: string, options: HubOptions): Promise<void> {
  const before = await registry.get(ADDRESS_KEY);
  const known = before === undefined ? undefined : new TextDecoder().decode(before.value);
  if (known === url) return;
  if (known !== undefined && options.recover !== undefined) {
    options.onNotice?.(
      `invites of before name ${known}, and this hub is at ${url}: ` +
        "they are good as soon as that address leads here (--listen, --advertise)",
    );
    return;
  }
  await registry.put(ADDRESS_KEY, new TextEncoder().encode(url));
}

/** Listens; says the address that invites are to name, without a slash at its end. */
export async function openAddress(
  server: Server,
  listen: string,
  tls: Tls | undefined,
  registry: Registry,
  options: HubOptions,
): Promise<string> {
  const address = await listenOn(server, listen);
  const own = urlOf(address, tls === undefined ? "http" : "https");
  const url = (options.advertise ?? own).replace(/\/+$/, "");
  // Where it cannot be stored, the engine says so in `status`.
  await noteAddress(registry, url, options).catch(() => {});
  return url;
}
