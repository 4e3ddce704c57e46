import { expect, test } from "vitest";
import { type FormatOption, planSegments, segmentValue } from "../../../../data/index.ts";
import { MemoryFiles } from "../../../../data/testing/memory-files.ts";
import { fingerprint } from "../../../../protocol/index.ts";
import type { MapReduceFunctions } from "./definition.ts";
import { mapSegment } from "./map-stage.ts";
import { withPlace } from "./place.ts";

const failure = { kind: "error", name: "Error", message: "bad", stack: "" } as const;

/** Has a map throw at a record that is or has the word "bad". @returns what is said of each segment that failed */
async function saidOf(text: string, format: FormatOption, segmentBytes = 10_000, name = "books/alice.txt") {
  // In small chunks, so that one segment comes in several batches.
  const files = new MemoryFiles(8);
  const functions = {
    map: (record: unknown) => {
      const shown = record instanceof Uint8Array ? Buffer.from(record).toString() : JSON.stringify(record);
      if (shown?.includes("bad") || format === "whole") throw new Error("bad");
    },
  } as unknown as MapReduceFunctions;
  const said: string[] = [];
  for await (const segment of planSegments([files.add(text, name)], { format, segmentBytes })) {
    await mapSegment(segmentValue(segment), functions, files, {
      partitions: 1,
      tableBytesMax: 1 << 20,
    }).catch((thrown: unknown) => said.push(withPlace(failure, thrown).message));
  }
  return said;
}

test("what a map throws names the file and the record, as far as somebody can find it by that", async () => {
  const lines = (count: number) => "good line\n".repeat(count);
  expect(await saidOf(`${lines(311)}bad\n`, "lines")).toEqual(['bad (in "books/alice.txt", line 312)']);
  expect(await saidOf(`${lines(20)}\nbad\n`, "lines", 100)).toEqual([
    'bad (in "books/alice.txt", line 12 behind byte 100)',
  ]);
  expect(await saidOf("a,b\n1,2\nbad,3\n", "csv")).toEqual(['bad (in "books/alice.txt", row 2)']);
  expect(await saidOf('{"a":1}\n{"a":"bad"}\n', "jsonl")).toEqual(['bad (in "books/alice.txt", record 2)']);
  expect(await saidOf("bad\n", "bytes")).toEqual(['bad (in "books/alice.txt")']);
  expect(await saidOf("text", "whole")).toEqual(['bad (in "books/alice.txt")']);
});

test("the same error in many files and lines is one error", async () => {
  const said = [
    ...(await saidOf("bad\n", "lines")),
    ...(await saidOf("ok\nbad\n", "lines", 10_000, "b.txt")),
  ];
  expect(new Set(said).size).toBe(2);
  expect(new Set(said.map((message) => fingerprint({ ...failure, message }))).size).toBe(1);
});

test("what was thrown elsewhere, or is no object, has no place", () => {
  for (const thrown of [new Error("bad"), "bad", undefined]) {
    expect(withPlace(failure, thrown)).toBe(failure);
  }
});
