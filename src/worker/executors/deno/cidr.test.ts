import { BlockList } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { complementCidrs, formatCidr, parseAddress, parseCidr } from "./cidr.ts";
import { deniedRanges, netFlags } from "./net-flags.ts";

const v4 = fc
  .nat({ max: 0xffff_ffff })
  .map((n) => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join("."));
const v6 = fc
  .array(fc.nat({ max: 0xffff }), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.map((group) => group.toString(16)).join(":"));

/** Node's own idea of ranges is the model. */
function listOf(cidrs: readonly string[], family: "ipv4" | "ipv6"): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [address = "", prefix] = cidr.split("/");
    list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

describe("complementCidrs", () => {
  for (const [family, address, bits] of [
    ["ipv4", v4, 32],
    ["ipv6", v6, 128],
  ] as const) {
    it(`leaves out the addresses and nothing else (${family})`, () => {
      fc.assert(
        fc.property(
          address,
          fc.nat({ max: bits }),
          fc.array(address, { maxLength: 3 }),
          (base, prefix, holes) => {
            const range = formatCidr(parseCidr(`${base}/${prefix}`));
            const rest = listOf(complementCidrs(range, [...holes, base]), family);
            const whole = listOf([range], family);
            for (const hole of [...holes, base]) expect(rest.check(hole, family)).toBe(false);
            for (const hole of holes) {
              const value = parseAddress(hole).value ^ 1n;
              const neighbour = formatCidr({ bits, base: value, prefix: bits }).split("/")[0]!;
              const isHole = [...holes, base].some((other) => parseAddress(other).value === value);
              expect(rest.check(neighbour, family)).toBe(whole.check(neighbour, family) && !isHole);
            }
          },
        ),
      );
    });
  }
});

describe("netFlags", () => {
  it("denies everything without a grant", () => {
    expect(netFlags([])).toEqual(["--deny-net"]);
  });

  it("denies all special ranges under a grant of a name", () => {
    const [allow, deny] = netFlags(["example.org:443"]);
    expect(allow).toBe("--allow-net=example.org:443");
    for (const range of deniedRanges) expect(deny).toContain(range);
    expect(deny).toContain("[::1]");
  });

  it("opens only what is granted literally", () => {
    const [allow, deny = ""] = netFlags(["127.0.0.1:80", "[::1]:81"]);
    expect(allow).toBe("--allow-net=127.0.0.1:80,[::1]:81");
    expect(deny).not.toContain("127.0.0.0/8");
    expect(deny).not.toContain("[::1]");
    expect(deny).toContain("127.0.0.0/32");
  });
});
