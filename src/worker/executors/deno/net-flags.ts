import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { MusketeersError } from "../../../protocol/index.ts";
import { complementCidrs, parseAddress } from "./cidr.ts";

/**
 * What no name may lead to: loopback, private, link-local (with the metadata service of clouds), shared
 * (CGNAT), documentation, benchmark, multicast, reserved and unspecified addresses.
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
]);

/**
 * Deno 2.9 takes ranges of IPv4 only, so of IPv6 just single addresses can be denied: loopback, unspecified,
 * the metadata service of a cloud, and what this machine itself has. A name that leads to another machine of
 * the local network by a private IPv6 address is not caught.
 */
function deniedV6(): string[] {
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const addresses = own.filter(({ family }) => family === "IPv6").map(({ address }) => address);
  return [...new Set(["::", "::1", "fd00:ec2::254", ...addresses])];
}

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
  const numbers = new Set(
    literals.filter((host) => isIP(host) === 6).map((host) => parseAddress(host).value),
  );
  const denied = deniedRanges.flatMap((range) => complementCidrs(range, literals));
  for (const address of deniedV6()) {
    if (!numbers.has(parseAddress(address).value)) denied.push(`[${address.replace(/%.*$/, "")}]`);
  }
  const allow = granted.includes("*") ? "--allow-net" : `--allow-net=${allowed.join(",")}`;
  return [allow, `--deny-net=${denied.join(",")}`];
}
