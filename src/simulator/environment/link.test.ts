import { expect, test } from "vitest";
import type { NetworkScenario } from "../types.ts";
import { EventQueue } from "./event-queue.ts";
import { Link } from "./link.ts";
import { Traffic } from "./meter.ts";
import { seededRandom } from "./random.ts";

type Side = "hub" | "machine";

function linkOf(network: NetworkScenario = {}, cutUntilMs = 0) {
  const queue = new EventQueue();
  const traffic = new Traffic(1_000);
  const closed: Side[] = [];
  const end = (side: Side) => ({
    deliver: (action: () => void) => action(),
    closed: () => {
      closed.push(side);
    },
  });
  const ends = { hub: end("hub"), machine: end("machine") };
  const random = seededRandom(1);
  const link = new Link({ queue, traffic, network, random, ends, cutUntilMs: () => cutUntilMs });
  const arrived: [what: number, atMs: number][] = [];
  const send = (to: Side, what: number, bytes = 0) =>
    link.send(to, "word", bytes, () => arrived.push([what, queue.nowMs]));
  const settle = () => {
    while (queue.step());
  };
  return { queue, traffic, link, closed, arrived, send, settle };
}

test("a message takes its latency, and is counted", () => {
  const { send, settle, arrived, traffic } = linkOf({ latencyMs: 30 });
  send("hub", 1);
  send("machine", 2);
  settle();
  expect(arrived).toEqual([
    [1, 30],
    [2, 30],
  ]);
  expect(traffic.total).toBe(2);
});

test("whatever jitter and loss do, a connection keeps its order", () => {
  const { send, settle, arrived, queue } = linkOf({
    latencyMs: 5,
    jitterMs: (own) => own.next() * 50,
    lossRate: 0.3,
  });
  for (let what = 0; what < 200; what++) queue.at(what, () => send("hub", what));
  settle();
  expect(arrived.map(([what]) => what)).toEqual(Array.from({ length: 200 }, (_, what) => what));
  // Some waited for what was lost before them, and came together with it.
  expect(new Set(arrived.map(([, atMs]) => atMs)).size).toBeLessThan(200);
  for (const [what, atMs] of arrived) expect(atMs).toBeGreaterThanOrEqual(what + 5);
});

test("a lost packet comes with the retransmission", () => {
  const { send, settle, arrived } = linkOf({ latencyMs: 5, lossRate: 0.5, retransmitMs: 100 });
  for (let what = 0; what < 50; what++) send("hub", what);
  settle();
  const delays = arrived.map(([, atMs]) => atMs);
  expect(delays.every((ms) => (ms - 5) % 100 === 0)).toBe(true);
  expect(Math.max(...delays)).toBeGreaterThan(5);
});

test("a narrow line sends one byte after the other, each way by itself", () => {
  const { send, settle, arrived } = linkOf({ latencyMs: 0, bytesPerSecond: 1_000 });
  send("hub", 1, 500);
  send("hub", 2, 250);
  send("machine", 3, 100);
  settle();
  expect(arrived.toSorted(([a], [b]) => a - b)).toEqual([
    [1, 500],
    [2, 750],
    [3, 100],
  ]);
});

test("nothing gets through a cut before it is over", () => {
  const { send, settle, arrived } = linkOf({ latencyMs: 10 }, 1_000);
  send("machine", 1);
  settle();
  expect(arrived).toEqual([[1, 1_010]]);
});

test("who closes is heard behind what was said before; what comes to a closed end is lost", () => {
  const { link, send, settle, arrived, closed } = linkOf({ latencyMs: 10 });
  send("hub", 1);
  link.close("machine");
  expect(link.isOpen("machine")).toBe(false);
  expect(link.isOpen("hub")).toBe(true);
  send("machine", 2);
  send("hub", 3);
  settle();
  expect(arrived).toEqual([[1, 10]]);
  expect(closed).toEqual(["hub"]);
  link.close("machine");
  link.close("hub");
  settle();
  expect(closed).toEqual(["hub"]);
});

test("a break takes its message and all behind it; both ends hear of it once", () => {
  const { send, settle, arrived, closed } = linkOf({ breakRate: 1 });
  send("hub", 1);
  send("hub", 2);
  settle();
  expect(arrived).toEqual([]);
  expect(closed.toSorted()).toEqual(["hub", "machine"]);
});

test("half-open: the hub hears nothing of the break", () => {
  const { link, send, settle, closed } = linkOf({ breakRate: 1, halfOpenShare: 1 });
  send("hub", 1);
  settle();
  expect(closed).toEqual(["machine"]);
  expect(link.isOpen("hub")).toBe(true);
});

test("who abandons an end is not told, and the other end finds out by itself", () => {
  const { link, settle, closed } = linkOf();
  link.abandon("machine");
  link.lose("machine");
  settle();
  expect(closed).toEqual([]);
  link.lose("hub");
  expect(closed).toEqual(["hub"]);
});
