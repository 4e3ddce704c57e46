import { expect, test } from "vitest";
import type { MusketeersError } from "../../protocol/index.ts";
import { networkOf } from "./addresses.ts";
import { Admission, type Visitor } from "./admission.ts";

class Caller implements Visitor {
  readonly address: string;
  failure: string | undefined;

  constructor(address: string) {
    this.address = address;
  }

  fail({ code }: MusketeersError): void {
    this.failure = code;
  }
}

test("handshakesMax: the one that has been at it for longest has to go, of the address that has most of them", () => {
  const admission = new Admission<Caller>({ handshakesMax: 3, clientsMax: 9, connectionsPerKeyMax: 9 });
  const [quiet, first, second, third] = ["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3"].map(
    (address) => new Caller(address),
  ) as [Caller, Caller, Caller, Caller];
  for (const caller of [quiet, first, second, third]) admission.arrived(caller);
  expect([quiet, first, second, third].map(({ failure }) => failure)).toEqual([
    undefined,
    "TOO_MANY",
    undefined,
    undefined,
  ]);
  admission.admitted(second);
  admission.arrived(new Caller("10.0.0.4"));
  expect(admission.handshakes).toBe(3);
  expect([quiet, third].map(({ failure }) => failure)).toEqual([undefined, undefined]);
});

test("connectionsPerKeyMax: a place is free again when its holder has left, and only then", () => {
  const admission = new Admission<Caller>({ handshakesMax: 9, clientsMax: 9, connectionsPerKeyMax: 1 });
  const [first, second] = [new Caller("a"), new Caller("b")];
  admission.admitKey(first, "key");
  expect(() => admission.admitKey(second, "key")).toThrow(expect.objectContaining({ code: "TOO_MANY" }));
  admission.admitKey(second, "other");
  // One that was never let in with it frees nothing.
  admission.left(new Caller("c"));
  expect(() => admission.admitKey(new Caller("d"), "key")).toThrow();
  admission.left(first);
  admission.admitKey(new Caller("e"), "key");
});

test("an IPv6 address stands for its network of 64 bits, IPv4 for itself", () => {
  expect(networkOf("2001:db8:0:7::1")).toBe(networkOf("2001:db8::7:ffff:0:0:2"));
  expect(networkOf("2001:db8::1")).toBe("2001:db8:0:0::/64");
  expect(networkOf("2001:db8:0:8::1")).not.toBe(networkOf("2001:db8:0:7::1"));
  expect(networkOf("::1")).toBe("0:0:0:0::/64");
  expect(networkOf("fe80::1%eth0")).toBe("fe80:0:0:0::/64");
  expect(networkOf("::ffff:192.0.2.7")).toBe("192.0.2.7");
  expect(networkOf("192.0.2.8")).toBe("192.0.2.8");
});
