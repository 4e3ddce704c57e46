import { expect, test } from "vitest";
import { eachRecord } from "../../../protocol/index.ts";
import { decodeLog, FrameReader } from "../sandbox/frames.ts";
import { TaskLog } from "./console.ts";

/** What a log sends, as text: its lines, and how many were dropped where. */
function logged(limits: { logLineBytesMax: number; logBytesPerSecondMax: number }) {
  const sent: (string | number)[] = [];
  const clock = { nowMs: 0 };
  const reader = new FrameReader(1000, (_kind, payload) => {
    const { dropped, block } = decodeLog(payload);
    for (const line of eachRecord(block)) sent.push(new TextDecoder().decode(line));
    if (dropped > 0) sent.push(dropped);
  });
  const log = new TaskLog(
    limits,
    (frame) => reader.push(frame),
    () => clock.nowMs,
  );
  return { log, sent, clock };
}

test("logBytesPerSecondMax: lines over the budget are counted, where they are missing", () => {
  const { log, sent, clock } = logged({ logLineBytesMax: 100, logBytesPerSecondMax: 10 });
  for (const line of ["one", "two\nthree", "four"]) log.print(line);
  clock.nowMs = 1000;
  log.print("five");
  log.flush();
  log.flush();
  expect(sent).toEqual(["one", "two", 2, "five"]);
});

test("logLineBytesMax: a line is cut at a character's border", () => {
  const { log, sent } = logged({ logLineBytesMax: 5, logBytesPerSecondMax: 100 });
  log.print("aéééé");
  log.flush();
  expect(sent).toEqual(["aéé"]);
});
