import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import { MusketeersError } from "../../protocol/index.ts";

function parseListen(listen: string): { host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(listen);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) {
    throw new MusketeersError("BAD_ARGUMENT", `Cannot listen on ${JSON.stringify(listen)}`, {
      hint: "Give host:port, such as 127.0.0.1:7077; port 0 picks a free one.",
    });
  }
  return { host: match[1]!.replace(/^\[(.*)\]$/, "$1"), port };
}

/**
 * Listens on `host:port`.
 * @throws MusketeersError `ADDRESS_IN_USE`, `BAD_ARGUMENT`
 */
export function listenOn(server: Server, listen: string): Promise<AddressInfo> {
  const { host, port } = parseListen(listen);
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === "EADDRINUSE"
          ? new MusketeersError("ADDRESS_IN_USE", `Another program listens on ${listen}`, { cause })
          : new MusketeersError("BAD_ARGUMENT", `Cannot listen on ${listen}: ${cause.message}`, { cause }),
      );
    });
    server.listen(port, host, () => resolve(server.address() as AddressInfo));
  });
}

/** The port that a server listens on. */
export const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** An address of this machine that others in its network reach; private IPv4 first. */
export function lanAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4")
    .map(({ address }) => address);
  const isPrivate = (address: string) => /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/.test(address);
  return addresses.find(isPrivate) ?? addresses[0];
}

/** The host that a hub is to listen on, and whether nobody but programs of the same machine reaches it there. */
export function hostOf(listen: string): { readonly host: string; readonly isLoopback: boolean } {
  const { host } = parseListen(listen);
  return { host, isLoopback: host === "localhost" || host === "::1" || /^127\./.test(host) };
}

/** The address that others reach it at, without a slash at the end. */
export function urlOf({ address, port, family }: AddressInfo, scheme: "http" | "https" = "http"): string {
  const everywhere = address === "0.0.0.0" || address === "::";
  const host = everywhere ? (lanAddress() ?? "127.0.0.1") : family === "IPv6" ? `[${address}]` : address;
  return `${scheme}://${host}:${port}`;
}
