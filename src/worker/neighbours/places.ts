import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { hostname, type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import type { Place } from "../../protocol/index.ts";

/** The networks that a machine is on. */
export interface Places {
  readonly places: readonly Place[];
  /** Whether an IP address is in one of them; what is no such address is not. */
  includes(address: string): boolean;
}

/** Networks of one machine only need no more than an address. */
const NETWORKS_MAX = 32;
const BITS = { IPv4: 32, IPv6: 128 } as const;

/** An address as one integer. */
function numberOf(address: string, family: "IPv4" | "IPv6"): bigint {
  if (family === "IPv4") return address.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  const [head = "", tail] = address.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const zeros = new Array<string>(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after].reduce((sum, part) => sum * 65_536n + BigInt(`0x${part}`), 0n);
}

/** What all in one network call it: its first address and the length of what they share. */
function networkOf(address: string, prefixBits: number, family: "IPv4" | "IPv6"): string {
  const free = BigInt(BITS[family] - prefixBits);
  return `${family} ${((numberOf(address, family) >> free) << free).toString(16)}/${prefixBits}`;
}

/** Tells the loopback networks of machines apart; containers are machines of their own. */
function machineId(): string {
  knownMachine ??= identify();
  return knownMachine;
}

let knownMachine: string | undefined;

function identify(): string {
  let boot = "";
  try {
    boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8");
  } catch {
    // Not Linux: the name must do.
  }
  return createHash("sha256").update(`${hostname()}\n${boot}`).digest("hex").slice(0, 16);
}

/**
 * The networks that this machine is on now: its own loopback, and each that others can be on as well. Left
 * out are links between two, and addresses that are only good together with an interface's name.
 */
export function placesOf(
  interfaces: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
  machine: string = machineId(),
): Places {
  const places: Place[] = [{ network: `loopback of ${machine}`, address: "127.0.0.1" }];
  const inside = new BlockList();
  inside.addSubnet("127.0.0.0", 8, "ipv4");
  for (const info of Object.values(interfaces).flatMap((list) => list ?? [])) {
    const { address, family, cidr, internal } = info;
    const prefixBits = Number(cidr?.split("/")[1] ?? Number.NaN);
    const scoped = family === "IPv6" && info.scopeid !== 0;
    if (internal || scoped || !(prefixBits <= BITS[family] - 2) || places.length >= NETWORKS_MAX) continue;
    inside.addSubnet(address, prefixBits, family === "IPv4" ? "ipv4" : "ipv6");
    places.push({ network: networkOf(address, prefixBits, family), address });
  }
  return {
    places,
    includes: (address) => {
      const version = isIP(address);
      return version !== 0 && inside.check(address, version === 4 ? "ipv4" : "ipv6");
    },
  };
}
