import { expect, test } from "vitest";
import { Segments } from "./segments.ts";

const report = { worker: "w", name: "pi", job: "j", inputs: 2, failed: 0, copy: false, done: false };
const all = (segments: Segments) => [...segments.latest(() => true, 100).values()];

test("reports of one lease that follow each other are one segment", () => {
  const segments = new Segments();
  segments.report({ ...report, lease: 1, nowMs: 1000, elapsedMs: 100 });
  segments.report({ ...report, lease: 1, nowMs: 1100, elapsedMs: 100, failed: 1, done: true });
  expect(all(segments)).toMatchObject([{ fromMs: 900, toMs: 1100, inputs: 4, failed: 1, lane: 0 }]);
});

test("what runs at once is on different lanes, which are used again", () => {
  const segments = new Segments();
  segments.report({ ...report, lease: 1, nowMs: 1000, elapsedMs: 100, done: true });
  segments.report({ ...report, lease: 2, nowMs: 1000, elapsedMs: 100, done: true });
  segments.report({ ...report, lease: 3, nowMs: 1200, elapsedMs: 100, done: true });
  expect(all(segments).map(({ lane }) => lane)).toEqual([0, 1, 0]);
});

test("only the latest are kept, and those that are wanted are found", () => {
  const segments = new Segments();
  for (let lease = 0; lease < 10_000; lease++) {
    segments.report({ ...report, lease, job: lease % 2 === 0 ? "even" : "odd", nowMs: lease, elapsedMs: 1 });
  }
  const even = segments.latest(({ job }) => job === "even", 3);
  expect([...even.keys()]).toEqual(["9994", "9996", "9998"]);
  expect(segments.latest(() => true, 1_000_000).size).toBe(8_192);
});
