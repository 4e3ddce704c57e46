import { isIP } from "node:net";

/* Ranges of addresses in CIDR form, IPv4 and IPv6, as numbers of 32 or 128 bits. */

export interface Cidr {
  readonly bits: 32 | 128;
  readonly base: bigint;
  readonly prefix: number;
}

function parseV4(address: string): bigint {
  return address.split(".").reduce((sum, part) => (sum << 8n) | BigInt(Number(part)), 0n);
}

function parseV6(address: string): bigint {
  // A dotted tail stands for the last two groups.
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(address);
  if (dotted !== null) {
    const tail = parseV4(dotted[2]!);
    return parseV6(`${dotted[1]}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`);
  }
  const [head = "", tail] = address.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":"));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const gap = tail === undefined ? 0 : 8 - front.length - back.length;
  const all = [...front, ...Array.from({ length: gap }, () => "0"), ...back];
  return all.reduce((sum, group) => (sum << 16n) | BigInt(Number.parseInt(group, 16)), 0n);
}

/** An address as a number; throws a `RangeError` where it is none. */
export function parseAddress(address: string): { bits: 32 | 128; value: bigint } {
  const family = isIP(address);
  if (family === 4) return { bits: 32, value: parseV4(address) };
  if (family === 6) return { bits: 128, value: parseV6(address.replace(/%.*$/, "")) };
  throw new RangeError(`no address: ${address}`);
}

export function parseCidr(text: string): Cidr {
  const [address = "", prefix = ""] = text.split("/");
  const { bits, value } = parseAddress(address);
  const length = Number(prefix);
  const free = BigInt(bits - length);
  return { bits, base: (value >> free) << free, prefix: length };
}

export function formatCidr({ bits, base, prefix }: Cidr): string {
  const size = bits === 32 ? 8 : 16;
  const groups: string[] = [];
  for (let shift = bits - size; shift >= 0; shift -= size) {
    const group = (base >> BigInt(shift)) & ((1n << BigInt(size)) - 1n);
    groups.push(group.toString(bits === 32 ? 10 : 16));
  }
  return `${groups.join(bits === 32 ? "." : ":")}/${prefix}`;
}

export const contains = (cidr: Cidr, address: { bits: number; value: bigint }): boolean =>
  cidr.bits === address.bits &&
  cidr.base >> BigInt(cidr.bits - cidr.prefix) === address.value >> BigInt(cidr.bits - cidr.prefix);

/** The ranges that together are `range` without some single addresses. */
export function complementCidrs(range: string, addresses: readonly string[]): string[] {
  let ranges = [parseCidr(range)];
  for (const address of addresses) {
    const hole = parseAddress(address);
    ranges = ranges.flatMap((cidr) => (contains(cidr, hole) ? around(cidr, hole.value) : [cidr]));
  }
  return ranges.map(formatCidr);
}

/** At each level of the tree between range and address, the half that does not hold the address. */
function around(cidr: Cidr, hole: bigint): Cidr[] {
  const { bits, prefix } = cidr;
  const halves: Cidr[] = [];
  for (let length = prefix + 1; length <= bits; length++) {
    const bit = 1n << BigInt(bits - length);
    const free = BigInt(bits - length);
    halves.push({ bits, prefix: length, base: ((hole ^ bit) >> free) << free });
  }
  return halves;
}
