import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { defaultLimits, type Limits } from "../protocol/index.ts";
import { SpanExporter } from "./exporter.ts";
import type { FinishedSpan } from "./otlp.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const spanNamed = (name: string): FinishedSpan => ({
  name,
  kind: "internal",
  context: { traceId: "1".repeat(32), spanId: "2".repeat(16), sampled: true },
  parentSpanId: undefined,
  startMs: 0,
  endMs: 1,
  attributes: {},
  events: [],
  error: undefined,
});

/** An exporter to a collector that refuses while it is told to. */
function collector(limits: Partial<Limits>) {
  const batches: string[][] = [];
  const state = { refuses: false, faults: 0 };
  const exporter = new SpanExporter({
    limits: { ...defaultLimits, ...limits },
    onFault: () => void state.faults++,
    send: async (spans) => {
      if (state.refuses) throw new Error("no");
      batches.push(spans.map(({ name }) => name));
    },
  });
  const add = (...names: string[]) => {
    for (const name of names) exporter.add(spanNamed(name));
  };
  return { exporter, batches, state, add };
}

test("traceIntervalMs: what is over goes out together, a little later", async () => {
  const { batches, add } = collector({ traceIntervalMs: 100 });
  add("a", "b");
  await vi.advanceTimersByTimeAsync(99);
  expect(batches).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(batches).toEqual([["a", "b"]]);
});

test("traceBatchSpansMax: a full batch goes out at once, and none is larger", async () => {
  const { exporter, batches, add } = collector({ traceBatchSpansMax: 2, traceIntervalMs: 100 });
  add("a", "b", "c");
  await vi.advanceTimersByTimeAsync(0);
  expect(batches[0]).toEqual(["a", "b"]);
  await exporter.close();
  expect(batches.flat()).toEqual(["a", "b", "c"]);
  expect(Math.max(...batches.map(({ length }) => length))).toBe(2);
});

test("traceSpansPendingMax: while nobody takes them so many wait, the rest is dropped and counted", async () => {
  const { exporter, batches, state, add } = collector({ traceSpansPendingMax: 3, traceIntervalMs: 100 });
  state.refuses = true;
  add("a", "b", "c", "d", "e");
  await vi.advanceTimersByTimeAsync(1_000);
  expect([exporter.dropped, state.faults]).toEqual([2, 1]);
  state.refuses = false;
  await exporter.close();
  add("late");
  expect(batches).toEqual([["a", "b", "c"]]);
  expect(exporter.dropped).toBe(3);
});

test("a refused batch goes with the next", async () => {
  const { batches, state, add } = collector({ traceIntervalMs: 100 });
  state.refuses = true;
  add("a");
  await vi.advanceTimersByTimeAsync(100);
  state.refuses = false;
  add("b");
  await vi.advanceTimersByTimeAsync(100);
  expect(batches).toEqual([["a", "b"]]);
});

test("traceTimeoutMs: a collector that does not answer is given up, also at the end", async () => {
  vi.useRealTimers();
  const exporter = new SpanExporter({
    limits: { ...defaultLimits, traceTimeoutMs: 5 },
    send: (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  exporter.add(spanNamed("a"));
  await exporter.close();
  expect(exporter.dropped).toBe(1);
});
