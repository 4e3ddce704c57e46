import { isIPv6 } from "node:net";

/** An address as others write it: IPv4 is IPv4, even where the socket speaks both. */
export const plainAddress = (address = ""): string => address.replace(/^::ffff:(?=\d+\.)/i, "");

const HEXTETS = 8;
const NETWORK_HEXTETS = 4;

/** Whom an address stands for: of IPv6 its network of 64 bits, because each of its machines has as many addresses. */
export function networkOf(address: string): string {
  const plain = plainAddress(address);
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("%", 1)[0]!.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, HEXTETS - first.length - last.length);
  const hextets = [...first, ...Array.from({ length: zeros }, () => "0"), ...last];
  return `${hextets
    .slice(0, NETWORK_HEXTETS)
    .map((hextet) => Number.parseInt(hextet, 16).toString(16))
    .join(":")}::/64`;
}
