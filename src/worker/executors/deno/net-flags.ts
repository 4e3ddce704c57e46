import { isIP } from "node:net";
import { MusketeersError } from "../../../protocol/index.ts";
import { complementCidrs } from "./cidr.ts";

/**
 * What no name may lead to: loopback, private, link-local (with the metadata service of clouds), shared
 * (CGNAT), benchmark, multicast, reserved and unspecified addresses, and IPv6 forms that hold IPv4 ones.
 */
export const deniedRanges: readonly string[] = Object.freeze([
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "::/96",
  "::ffff:0:0/96",
  "64:ff9b::/96",
  "64:ff9b:1::/48",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
]);

/** `host`, `host:port`, `[v6]`, `[v6]:port` taken apart. */
export function splitHost(grant: string): { host: string; port: string } {
  const match = /^(?:\[([^\]]+)\]|([^:]*)|(.*:.*:.*))(?::(\d+))?$/.exec(grant);
  return { host: match?.[1] ?? match?.[2] ?? match?.[3] ?? grant, port: match?.[4] ?? "" };
}

const LOOPBACK_NAME = "localhost";
/** What hosts are made of; above all no comma, which would start another one. */
const HOST = /^[\w.:*[\]-]+$/;

/** Flags of Deno for what a task may reach; deny wins over allow, and counts for resolved addresses. */
export function netFlags(granted: readonly string[]): string[] {
  if (granted.length === 0) return ["--deny-net"];
  const strange = granted.find((grant) => !HOST.test(grant));
  if (strange !== undefined) throw new MusketeersError("GRANT_REFUSED", `No host: ${strange}`);
  const allowed: string[] = [];
  const literals: string[] = [];
  for (const grant of granted) {
    const { host, port } = splitHost(grant);
    const suffix = port === "" ? "" : `:${port}`;
    const family = isIP(host);
    if (family !== 0) literals.push(host);
    if (family === 6) allowed.push(`[${host}]${suffix}`);
    else allowed.push(`${host}${suffix}`);
    // The name stands for its two addresses: who grants it, grants them.
    if (host !== LOOPBACK_NAME) continue;
    literals.push("127.0.0.1", "::1");
    allowed.push(`127.0.0.1${suffix}`, `[::1]${suffix}`);
  }
  const denied = deniedRanges.flatMap((range) => complementCidrs(range, literals));
  const allow = granted.includes("*") ? "--allow-net" : `--allow-net=${allowed.join(",")}`;
  return [allow, `--deny-net=${denied.join(",")}`];
}
