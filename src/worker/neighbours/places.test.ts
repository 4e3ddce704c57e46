import type { NetworkInterfaceInfo } from "node:os";
import { expect, test } from "vitest";
import { placesOf } from "./places.ts";

const v4 = (address: string, bits: number, internal = false): NetworkInterfaceInfo => ({
  address,
  netmask: "",
  family: "IPv4",
  mac: "",
  internal,
  cidr: `${address}/${bits}`,
});
const v6 = (address: string, bits: number, scopeid = 0): NetworkInterfaceInfo => ({
  address,
  netmask: "",
  family: "IPv6",
  mac: "",
  internal: false,
  cidr: `${address}/${bits}`,
  scopeid,
});

test("two machines of one network call it the same, those of others do not", () => {
  const networks = (info: NetworkInterfaceInfo, machine = "m") =>
    placesOf({ eth0: [info] }, machine).places.map(({ network }) => network);
  expect(networks(v4("192.168.0.5", 24))).toEqual(networks(v4("192.168.0.77", 24)));
  expect(networks(v4("192.168.0.5", 24))).not.toEqual(networks(v4("192.168.1.5", 24)));
  expect(networks(v4("192.168.0.5", 24))).not.toEqual(networks(v4("192.168.0.5", 16)));
  expect(networks(v6("fd00::1:2", 64))).toEqual(networks(v6("fd00:0:0:0:9::3", 64)));
  expect(networks(v6("fd00::1:2", 64))).not.toEqual(networks(v6("fd00:0:0:1::2", 64)));
  expect(networks(v4("192.168.0.5", 24), "other")[0]).not.toEqual(networks(v4("192.168.0.5", 24))[0]);
});

test("links between two, scoped addresses and another machine's loopback are no networks", () => {
  const { places } = placesOf(
    {
      lo: [v4("127.0.0.1", 8, true)],
      tun: [v4("100.64.0.1", 32)],
      eth0: [v6("fe80::1", 64, 2)],
      none: undefined,
    },
    "m",
  );
  expect(places).toEqual([{ network: "loopback of m", address: "127.0.0.1" }]);
});

test("only what lies in one of the networks is included", () => {
  const { includes } = placesOf({ eth0: [v4("192.168.0.5", 24), v6("fd00::5", 64)] }, "m");
  expect(["192.168.0.1", "127.0.0.1", "fd00::77"].map(includes)).toEqual([true, true, true]);
  expect(["192.168.1.1", "8.8.8.8", "fd01::1", "example.org", "", "169.254.169.254"].map(includes)).toEqual(
    new Array(6).fill(false),
  );
});

test("this machine is somewhere", () => {
  expect(placesOf().places.length).toBeGreaterThan(0);
});
