import fc from "fast-check";
import { expect, test } from "vitest";
import { netAllows } from "./net.ts";

test.each<[grants: string[], wish: string, allowed: boolean]>([
  [[], "example.org", false],
  [["example.org"], "example.org", true],
  [["example.org"], "example.org:8080", true],
  [["example.org:8080"], "example.org:8080", true],
  [["example.org:8080"], "example.org", false],
  [["example.org:8080"], "example.org:80", false],
  [["example.org"], "www.example.org", false],
  [["example.org"], "badexample.org", false],
  [["EXAMPLE.org."], "example.ORG", true],
  [["bücher.example.org"], "xn--bcher-kva.example.org", true],
  [["a.example.org", "b.example.org"], "b.example.org", true],
  // Subdomains.
  [["*.example.org"], "www.example.org", true],
  [["*.example.org"], "a.b.example.org:443", true],
  [["*.example.org"], "example.org", false],
  [["*.example.org"], "badexample.org", false],
  [["*.example.org"], "*.example.org", true],
  [["*.example.org"], "*.www.example.org", true],
  [["*.www.example.org"], "*.example.org", false],
  [["www.example.org"], "*.example.org", false],
  [["*.example.org:443"], "www.example.org:443", true],
  [["*.example.org:443"], "www.example.org", false],
  // Everything public.
  [["*"], "www.example.org", true],
  [["*"], "www.example.org:8443", true],
  [["*"], "*.example.org", true],
  [["*"], "*", true],
  [["example.org"], "*", false],
  [["*"], "93.184.216.34", true],
  [["*"], "[2606:2800:220:1::1]:443", true],
  [["*"], "localhost", false],
  [["*"], "localhost.", false],
  [["*"], "app.localhost:3000", false],
  [["*"], "printer.local", false],
  [["*"], "router", false],
  [["*"], "metadata.google.internal", false],
  [["*"], "127.0.0.1", false],
  [["*"], "127.9.9.9:80", false],
  [["*"], "2130706433", false],
  [["*"], "0x7f.1", false],
  [["*"], "0177.0.0.1", false],
  [["*"], "0.0.0.0", false],
  [["*"], "10.1.2.3", false],
  [["*"], "100.64.0.1", false],
  [["*"], "169.254.169.254", false],
  [["*"], "172.31.255.255", false],
  [["*"], "172.32.0.1", true],
  [["*"], "192.168.0.1", false],
  [["*"], "224.0.0.1", false],
  [["*"], "255.255.255.255", false],
  [["*"], "[::1]", false],
  [["*"], "::1", false],
  [["*"], "[::]:80", false],
  [["*"], "[::ffff:127.0.0.1]", false],
  [["*"], "[fe80::1]", false],
  [["*"], "[fd00::1]", false],
  [["*"], "[64:ff9b::7f00:1]", false],
  [["*"], "[2002:7f00:1::]", false],
  [["*"], "[2001:db8::1]", false],
  // What is local is granted literally.
  [["localhost"], "localhost:8080", true],
  [["localhost:8080"], "localhost:8080", true],
  [["localhost:8080"], "localhost:8081", false],
  [["127.0.0.1"], "0x7f.1:99", true],
  [["127.0.0.1"], "localhost", false],
  [["[::1]"], "::1", true],
  [["::1"], "[0:0:0:0:0:0:0:1]:80", true],
  [["[::1]:80"], "[::1]:81", false],
  [["router"], "router", true],
  // No hosts.
  [["*"], "", false],
  [["*"], "*.", false],
  [["*"], "a b.org", false],
  [["*"], "example.org/path", false],
  [["*"], "user@example.org", false],
  [["*"], "example.org:99999", false],
  [["*"], "example.org:", false],
  [["*"], "ex*mple.org", false],
  [["*"], "*.10.0.0.1", false],
  [["**"], "example.org", false],
])("%j for %s: %s", (grants, wish, allowed) => {
  expect(netAllows(grants, wish)).toBe(allowed);
});

test("every address of a private block is local, in every way to write it", () => {
  const octet = fc.integer({ min: 0, max: 255 });
  const block = fc.oneof(
    fc.tuple(fc.constantFrom(0, 10, 127), octet, octet, octet),
    fc.tuple(fc.constant(192), fc.constant(168), octet, octet),
    fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), octet, octet),
    fc.tuple(fc.constant(169), fc.constant(254), octet, octet),
  );
  fc.assert(
    fc.property(block, ([a, b, c, d]) => {
      const number = ((a * 256 + b) * 256 + c) * 256 + d;
      const written = [
        `${a}.${b}.${c}.${d}`,
        `${number}`,
        `0x${number.toString(16)}`,
        `${a}.${(b * 256 + c) * 256 + d}`,
        `[::ffff:${a}.${b}.${c}.${d}]`,
      ];
      for (const host of written) {
        expect(netAllows(["*"], `${host}:80`)).toBe(false);
        expect(netAllows([host], host)).toBe(true);
      }
    }),
  );
});

test("what stands in brackets is an address or nothing", () => {
  expect(netAllows(["[::1]"], "::1")).toBe(true);
  // Read as a URL this would be the host `a`, with a user's name before it.
  for (const wish of ["[@a\\]", "[a]", "[]", "[::1]x"]) expect(netAllows([wish, "a"], wish)).toBe(false);
});

test("what is no host is never covered, whatever is granted, and nothing throws", () => {
  const hostish = fc.string({ unit: fc.constantFrom(..."a1.*:[]-%@/ \\?#é") });
  fc.assert(
    fc.property(hostish, hostish, (grant, wish) => {
      const allowed = netAllows([grant, "*", wish], wish);
      if (/[\s/@\\?#%]/.test(wish)) expect(allowed).toBe(false);
    }),
    { numRuns: 2_000 },
  );
});
