import { expect, test } from "vitest";
import { LiveTopics } from "../../client/session/live.ts";
import type { LivePart } from "../../protocol/index.ts";
import { framesOf } from "./frames.ts";

const rows = (count: number, characters = 100): [string, unknown][] =>
  Array.from({ length: count }, (_, at) => [`row ${at}`, "x".repeat(characters)]);

/** What a client makes of frames. */
function tablesOf(frames: readonly Uint8Array[]): Record<string, number> {
  const sizes: Record<string, number> = {};
  const topics = new LiveTopics(() => true);
  topics.follow("overview", "", {
    onState: ({ tables }) => {
      for (const [name, table] of Object.entries(tables)) sizes[name] = table.size;
    },
    onError: (error) => {
      throw error;
    },
  });
  for (const [at, body] of frames.entries()) topics.onMessage({ type: "live", id: 1, first: at === 0 }, body);
  return sizes;
}

test("what fits into one frame is one", () => {
  const part: LivePart = { set: { a: 1 }, put: { t: rows(3) }, drop: {} };
  expect(framesOf(part, 1_000).length).toBe(1);
});

test("what does not fit comes in several, and nothing of it is lost", () => {
  const part: LivePart = { set: { a: 1 }, put: { t: rows(1_000), u: rows(700, 10) }, drop: { v: ["gone"] } };
  const frames = framesOf(part, 4_096);
  expect(frames.length).toBeGreaterThan(20);
  expect(Math.max(...frames.map(({ length }) => length))).toBeLessThanOrEqual(4_096);
  expect(tablesOf(frames)).toMatchObject({ t: 1_000, u: 700 });
});

test("a row that is too large for any frame is left out, and no other", () => {
  const part: LivePart = { set: {}, put: { t: [...rows(9), ["huge", "x".repeat(10_000)]] }, drop: {} };
  expect(tablesOf(framesOf(part, 4_096))).toEqual({ t: 9 });
});
