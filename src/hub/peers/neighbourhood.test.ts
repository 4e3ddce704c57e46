import { expect, test } from "vitest";
import { Neighbourhood, realmOf } from "./neighbourhood.ts";

const at = (network: string, address: string) => ({ network, address });
const lan = (host: number) => at("192.168.0.0/24", `192.168.0.${host}`);

test("two of one network reach each other where the other one serves", () => {
  const hood = new Neighbourhood();
  hood.enter("a", { places: [at("10.0.0.0/8", "10.0.0.1"), lan(1)], realm: "", serves: true });
  hood.enter("b", { places: [lan(2)], realm: "", serves: false });
  expect(hood.path("b", "a")).toEqual({ from: "192.168.0.2", to: "192.168.0.1" });
  expect(hood.path("a", "b")).toBeUndefined();
  expect(hood.path("a", "a")).toBeUndefined();
  expect(hood.path("a", "nobody")).toBeUndefined();
});

test("networks of the same name behind different translators are different networks", () => {
  const hood = new Neighbourhood();
  hood.enter("a", { places: [lan(1)], realm: "203.0.113.1", serves: true });
  hood.enter("b", { places: [lan(2)], realm: "203.0.113.2", serves: true });
  hood.enter("c", { places: [lan(3)], realm: "203.0.113.1", serves: true });
  expect(hood.path("b", "a")).toBeUndefined();
  expect(hood.path("c", "a")).toEqual({ from: "192.168.0.3", to: "192.168.0.1" });
});

test("one address in two places is two networks of one name, except on one machine", () => {
  const hood = new Neighbourhood();
  const bridge = at("172.17.0.0/16", "172.17.0.1");
  hood.enter("a", { places: [bridge], realm: "", serves: true });
  hood.enter("b", { places: [bridge], realm: "", serves: true });
  expect(hood.path("a", "b")).toBeUndefined();
  const loopback = at("loopback of x", "127.0.0.1");
  hood.enter("a", { places: [bridge, loopback], realm: "", serves: true });
  hood.enter("b", { places: [bridge, loopback], realm: "", serves: true });
  expect(hood.path("a", "b")).toEqual({ from: "127.0.0.1", to: "127.0.0.1" });
});

test("each is told when it gets its first useful neighbour and when it has lost its last", () => {
  const told: string[] = [];
  const hood = new Neighbourhood((worker, anyone) => told.push(`${worker} ${anyone}`));
  const hears = () => told.splice(0).toSorted();
  hood.enter("shy", { places: [lan(1)], realm: "", serves: false });
  hood.enter("shy too", { places: [lan(2)], realm: "", serves: false });
  expect(hears()).toEqual([]);
  hood.enter("server", { places: [lan(3)], realm: "", serves: true });
  expect(hears()).toEqual(["server true", "shy too true", "shy true"]);
  hood.enter("server too", { places: [lan(4)], realm: "", serves: true });
  expect(hears()).toEqual(["server too true"]);
  hood.leave("server");
  expect(hears()).toEqual([]);
  hood.leave("server too");
  expect(hears()).toEqual(["shy false", "shy too false"]);
  hood.enter("server", { places: [lan(3)], realm: "", serves: true });
  hood.leave("shy");
  hears();
  hood.leave("shy too");
  expect(hears()).toEqual(["server false"]);
  expect(hood.hasNeighbours("server")).toBe(false);
});

test("who moves to another network leaves the one before", () => {
  const hood = new Neighbourhood();
  hood.enter("a", { places: [lan(1)], realm: "", serves: true });
  hood.enter("b", { places: [lan(2)], realm: "", serves: true });
  hood.enter("a", { places: [at("10.0.0.0/8", "10.0.0.1")], realm: "", serves: true });
  expect(hood.path("b", "a")).toBeUndefined();
  expect(hood.hasNeighbours("b")).toBe(false);
});

test("a connection from one of the worker's own addresses came through no translator", () => {
  expect(realmOf([lan(1)], "192.168.0.1")).toBe("");
  expect(realmOf([lan(1)], "203.0.113.1")).toBe("203.0.113.1");
});
