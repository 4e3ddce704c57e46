/*
 * Which hosts a task may reach: what it asks for (`TaskSpec.net`) against what a volunteer grants
 * (`WorkerDescription.allowNet`). Both are lists of `host`, `host:port` or `*.host`; a grant may be `*`.
 * Names only: what a name resolves to is the sandbox's affair.
 */

interface HostPattern {
  /** Canonical: lower case, punycode, IPv4 in four decimal parts, IPv6 in brackets; no trailing dot. */
  readonly host: string;
  /** `*.host`: the names below `host`, not itself. */
  readonly below: boolean;
  readonly port: string;
}

const PORT = /^(.*):([0-9]{1,5})$/;
const IPV6_BARE = /^[0-9a-f.]*:[0-9a-f.]*:[0-9a-f:.]*$/i;
const IPV6_BRACKETED = /^\[[0-9a-f:.]+\]$/i;
const HOST_CHARACTERS = /^[^\s/?#@\\:%]+$/;

/** Takes a pattern apart; undefined for what is none. */
function parsePattern(text: string): HostPattern | undefined {
  const below = text.startsWith("*.");
  let host = below ? text.slice(2) : text;
  let port = "";
  if (IPV6_BARE.test(host)) {
    host = `[${host}]`;
  } else {
    const split = PORT.exec(host);
    if (split !== null) [, host, port] = split as unknown as [string, string, string];
    if (Number(port) > 65_535) return undefined;
    if (port !== "") port = String(Number(port));
  }
  if (
    !(IPV6_BRACKETED.test(host) || (HOST_CHARACTERS.test(host) && !host.startsWith("["))) ||
    host.includes("*")
  )
    return undefined;
  const canonical = canonicalHost(host);
  if (canonical === undefined || (below && isAddress(canonical))) return undefined;
  return { host: canonical, below, port };
}

/** As a browser would read it, so that `0x7f.1` and `127.0.0.1` are the same. */
function canonicalHost(host: string): string | undefined {
  try {
    const { hostname } = new URL(`http://${host}/`);
    const name = hostname.endsWith(".") ? hostname.slice(0, -1) : hostname;
    return name === "" ? undefined : name;
  } catch {
    return undefined;
  }
}

const IPV4 = /^\d+\.\d+\.\d+\.\d+$/;
const isAddress = (host: string): boolean => IPV4.test(host) || host.startsWith("[");

const ipv4Number = (address: string): number =>
  address.split(".").reduce((number, part) => number * 256 + Number(part), 0);

/** IPv4 blocks that are not globally reachable (IANA special-purpose registry), and multicast and above. */
const ipv4Special: readonly (readonly [base: number, prefixBits: number])[] = (
  [
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.0.2.0", 24],
    ["192.88.99.0", 24],
    ["192.168.0.0", 16],
    ["198.18.0.0", 15],
    ["198.51.100.0", 24],
    ["203.0.113.0", 24],
    ["224.0.0.0", 3],
  ] as const
).map(([base, prefixBits]) => [ipv4Number(base), prefixBits]);

function isPublicIpv4(address: string): boolean {
  const number = ipv4Number(address);
  return ipv4Special.every(([base, bits]) => {
    const size = 2 ** (32 - bits);
    return Math.floor(number / size) !== Math.floor(base / size);
  });
}

/** The eight groups of an IPv6 address that `URL` made canonical. */
function ipv6Groups(bracketed: string): number[] {
  const [head = "", tail] = bracketed.slice(1, -1).split("::");
  const groups = (part: string) =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const before = groups(head);
  if (tail === undefined) return before;
  const after = groups(tail);
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after];
}

/** Global unicast without the blocks that carry an IPv4 address or nothing (Teredo, documentation, 6to4). */
function isPublicIpv6(bracketed: string): boolean {
  const [first = 0, second = 0] = ipv6Groups(bracketed);
  if (first < 0x2000 || first > 0x3fff || first === 0x2002) return false;
  if (first === 0x3fff && second < 0x1000) return false;
  return !(first === 0x2001 && (second < 0x200 || second === 0x0db8));
}

/** Names that never leave a machine or a network: reserved ones, and those of a single label. */
const LOCAL_NAME = /(^|\.)(localhost|local|internal|home\.arpa|localdomain|lan|test)$/;

function isPublicName(host: string, below: boolean): boolean {
  return (below || host.includes(".")) && !LOCAL_NAME.test(host);
}

/**
 * Whether a host is on the public internet as far as its name tells: no loopback, private, link-local or otherwise
 * special address and no name of a local network.
 */
function isPublic({ host, below }: HostPattern): boolean {
  if (host.startsWith("[")) return isPublicIpv6(host);
  return IPV4.test(host) ? isPublicIpv4(host) : isPublicName(host, below);
}

/** Whether a text is `host`, `host:port` or `*.host`. */
export const isHostPattern = (text: string): boolean => parsePattern(text) !== undefined;

function covers(grant: HostPattern, wish: HostPattern): boolean {
  if (grant.port !== "" && grant.port !== wish.port) return false;
  if (!grant.below) return !wish.below && grant.host === wish.host;
  const isBelow = wish.host.endsWith(`.${grant.host}`);
  return isBelow || (wish.below && wish.host === grant.host);
}

/**
 * Whether a volunteer's grants cover what a task asks for. A grant of a host covers each of its ports, one
 * of a host with a port only that one; `*.host` covers the names below `host`; `*` covers what is public,
 * so that what is local must be granted literally. What is no host is never covered.
 * @param wish `host`, `host:port`, `*.host`, or `*` for every public host.
 */
export function netAllows(grants: readonly string[], wish: string): boolean {
  if (wish === "*") return grants.includes("*");
  const wanted = parsePattern(wish);
  if (wanted === undefined) return false;
  return grants.some((grant) => {
    if (grant === "*") return isPublic(wanted);
    const granted = parsePattern(grant);
    return granted !== undefined && covers(granted, wanted);
  });
}
