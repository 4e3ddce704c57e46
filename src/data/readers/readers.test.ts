import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits, encodeValue } from "../../protocol/index.ts";
import { BlobHandle } from "../blob-handle.ts";
import { cidOf } from "../cid.ts";
import { MemoryFiles } from "../testing/memory-files.ts";
import {
  decodeSegment,
  encodeSegment,
  type FormatOption,
  planSegments,
  readSegment,
  readWindows,
  type Segment,
  toFormat,
} from "./index.ts";

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

const recordsOf = async (segments: readonly Segment[], files: MemoryFiles) => {
  const all: unknown[] = [];
  for (const segment of segments) {
    for await (const batch of readSegment(segment, files)) {
      expect(batch.length).toBeGreaterThan(0);
      all.push(...batch);
    }
  }
  return all;
};

/** Every record of a text, cut at these places into segments and delivered in chunks of this size. */
async function bySegments(
  text: string | Uint8Array,
  cuts: readonly number[],
  chunkBytes: number,
  format: FormatOption,
) {
  const files = new MemoryFiles(chunkBytes);
  const file = files.add(text, "file");
  const places = [0, ...cuts.map((cut) => cut % (file.bytes + 1)), file.bytes].toSorted((a, b) => a - b);
  const segments = places
    .slice(1)
    .map((end, at) => ({ file, start: places[at]!, end, format: toFormat(format) }));
  return recordsOf(segments, files);
}

const lineText = fc
  .array(fc.tuple(fc.string({ unit: "binary", maxLength: 12 }), fc.constantFrom("\n", "\r\n", "\n\n")), {
    maxLength: 30,
  })
  .map((lines) => lines.map((pair) => pair.join("")).join(""));
const anyCuts = fc.array(fc.nat(400), { maxLength: 8 });

test("whatever a text is split into, its lines are the same, once and in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      lineText,
      fc.boolean(),
      anyCuts,
      fc.integer({ min: 1, max: 40 }),
      async (whole, ended, cuts, chunk) => {
        const text = (ended ? whole : `${whole}é`).toWellFormed();
        const expected = text.replace(/^\uFEFF/, "").split(/\r?\n/);
        if (expected.at(-1) === "") expected.pop();
        expect(await bySegments(text, cuts, chunk, "lines")).toEqual(expected);
      },
    ),
  );
});

test("however a text is split, its windows are its lines, cut at line ends", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ max: 12, maxLength: 300 }),
      anyCuts,
      fc.integer({ min: 1, max: 40 }),
      async (content, cuts, chunk) => {
        const files = new MemoryFiles(chunk);
        const file = files.add(content);
        const format = toFormat("bytes");
        const places = [0, ...cuts.map((cut) => cut % (file.bytes + 1)), file.bytes].toSorted(
          (a, b) => a - b,
        );
        const all: number[] = [];
        for (const [at, end] of places.slice(1).entries()) {
          for await (const window of readWindows({ file, start: places[at]!, end, format }, files)) {
            expect([10, content.at(-1)]).toContain(window.at(-1));
            all.push(...window);
          }
        }
        expect(all).toEqual([...content]);
      },
    ),
  );
});

test("each record belongs to the segment in which it begins, and to no other", async () => {
  const files = new MemoryFiles(3);
  const file = files.add("ab\ncd\n\nefgh");
  const linesIn = (start: number, end: number) =>
    recordsOf([{ file, start, end, format: toFormat("lines") }], files);
  expect(await linesIn(0, 1)).toEqual(["ab"]);
  expect(await linesIn(1, 3)).toEqual([]);
  expect(await linesIn(2, 4)).toEqual(["cd"]);
  expect(await linesIn(3, 6)).toEqual(["cd"]);
  expect(await linesIn(6, 7)).toEqual([""]);
  expect(await linesIn(7, 8)).toEqual(["efgh"]);
  expect(await linesIn(8, 11)).toEqual([]);
});

test("a segment reads no more than its own bytes and what its last line needs", async () => {
  const files = new MemoryFiles();
  const file = files.add("x".repeat(99).concat("\n").repeat(100_000));
  await recordsOf([{ file, start: 5_000_000, end: 5_000_100, format: toFormat("lines") }], files);
  expect(files.reads).toEqual([{ cid: file.cid, start: 4_999_999, end: 5_000_100 }]);
  files.reads.length = 0;
  await recordsOf([{ file, start: 5_000_000, end: 5_000_101, format: toFormat("lines") }], files);
  expect(files.reads.at(-1)).toEqual({ cid: file.cid, start: 5_000_101, end: 5_000_101 + 65_536 });
});

test("JSON lines are the same whatever their file is split into", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.jsonValue(), { maxLength: 20 }),
      anyCuts,
      fc.integer({ min: 1, max: 40 }),
      async (values, cuts, chunk) => {
        const text = values.map((value) => `${JSON.stringify(value)}\r\n`).join("\n");
        const expected = values.map((value) => JSON.parse(JSON.stringify(value)));
        expect(await bySegments(text, cuts, chunk, "jsonl")).toEqual(expected);
      },
    ),
  );
});

const quoted = (field: string) => `"${field.replaceAll('"', '""')}"`;
const plainRow = fc
  .tuple(fc.string({ unit: "grapheme" }), fc.string(), fc.nat().map(String))
  .map(([a, b, c]) => [`x${a}`, b, c]);
const csvOf = (rows: readonly (readonly string[])[], end: string) =>
  ["name,__proto__,n", ...rows.map((row) => row.map(quoted).join(","))].join(end).concat(end);
const objectsOf = (rows: readonly (readonly string[])[]) =>
  rows.map(([name = "", proto = "", n = ""]) =>
    Object.fromEntries([
      ["name", name],
      ["__proto__", proto],
      ["n", n],
    ]),
  );

test("CSV: rows with line ends in quotes, in chunks of any size", async () => {
  const row = fc
    .tuple(plainRow, fc.constantFrom("", "\n", "a\nb\n\n"))
    .map(([[a = "", b = "", c = ""], end]) => [a + end, b.replaceAll("\r", ""), c]);
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { maxLength: 12 }),
      fc.constantFrom("\n", "\r\n"),
      fc.integer({ min: 1, max: 40 }),
      async (rows, end, chunk) => {
        const clean = rows.map((fields) => fields.map((field) => field.replaceAll("\r", "").toWellFormed()));
        expect(await bySegments(csvOf(clean, end), [], chunk, "csv")).toEqual(objectsOf(clean));
      },
    ),
  );
});

test("CSV: rows are the same whatever their file is split into", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(plainRow, { maxLength: 12 }),
      anyCuts,
      fc.integer({ min: 1, max: 40 }),
      async (rows, cuts, chunk) => {
        const clean = rows.map((fields) =>
          fields.map((field) => field.replaceAll(/[\r\n]/g, "").toWellFormed()),
        );
        expect(await bySegments(csvOf(clean, "\n"), cuts, chunk, { kind: "csv", split: true })).toEqual(
          objectsOf(clean),
        );
      },
    ),
  );
});

test("CSV: another delimiter, blank lines, quotes inside of fields", async () => {
  const text = 'a;b\n\n1;5" pipe\n"2;3";x,y\n';
  expect(await bySegments(text, [], 7, { kind: "csv", delimiter: ";" })).toEqual([
    { a: "1", b: '5" pipe' },
    { a: "2;3", b: "x,y" },
  ]);
});

test("a whole file is one record, a handle", async () => {
  const files = new MemoryFiles();
  const file = files.add("one\ntwo", "a/b.txt");
  const [segment] = await collect(planSegments([file], { format: "whole", segmentBytes: 1 }));
  const [handle] = (await recordsOf([segment!], files)) as [BlobHandle];
  expect(handle).toBeInstanceOf(BlobHandle);
  expect([handle.name, handle.size, await handle.text()]).toEqual(["a/b.txt", 7, "one\ntwo"]);
});

// Made by `printf 'one\ntwo\n' | zstd -c`, twice.
const zstdOnce = Buffer.from("KLUv/QRYQQAAb25lCnR3bwrmpg5A", "base64");
const twoFrames = Buffer.concat([zstdOnce, zstdOnce]);
const lines = ["one", "two"];

test.each([
  ["gzip", gzipSync("one\ntwo\n"), lines],
  ["gzip of two members", Buffer.concat([gzipSync("one\n"), gzipSync("two\n")]), lines],
  ["zstd", zstdOnce, lines],
  [
    "zstd behind a frame to be skipped",
    Buffer.concat([Buffer.from("5f2a4d1803000000ffffff", "hex"), zstdOnce]),
    lines,
  ],
  ["zstd of two frames", twoFrames, [...lines, ...lines]],
])("%s is read as what it holds, and known by its content", async (_name, packed, expected) => {
  for (const chunk of [1, 3, 1000]) expect(await bySegments(packed, [], chunk, "lines")).toEqual(expected);
});

test("unpackWindowBytesMax: a packed file that asks for too much memory is refused, in whatever frame it does", async () => {
  // Made by `printf x | zstd -c --long=31`: 2 GiB for one byte.
  const greedy = Buffer.from("28b52ffd04a80900007823110483", "hex");
  // Of eight bytes for its size, which is 600 MB; no window.
  const single = Buffer.from("28b52ffde00046c32300000000", "hex");
  const skipped = Buffer.from("502a4d1803000000ffffff", "hex");
  const first = (bytes: Buffer, chunk: number) => bySegments(bytes, [], chunk, "lines");
  for (const chunk of [1, 5, 1000]) {
    for (const bytes of [
      greedy,
      single,
      Buffer.concat([zstdOnce, greedy]),
      Buffer.concat([zstdOnce, skipped, zstdOnce, single]),
    ]) {
      await expect(first(bytes, chunk)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    }
    expect(await first(Buffer.concat([zstdOnce, skipped, zstdOnce]), chunk)).toEqual([...lines, ...lines]);
  }
});

test.each([
  ["cut gzip", gzipSync("one\ntwo\n".repeat(50)).subarray(0, 30)],
  ["damaged gzip", gzipSync("one\n").map((byte, at, all) => (at === all.length - 6 ? byte ^ 1 : byte))],
  ["cut zstd", zstdOnce.subarray(0, 14)],
  ["zstd cut in its checksum", zstdOnce.subarray(0, zstdOnce.length - 2)],
  ["zstd with another letter", zstdOnce.map((byte, at) => (at === 9 ? byte ^ 1 : byte))],
  ["zstd with another checksum", zstdOnce.map((byte, at) => (at === zstdOnce.length - 1 ? byte ^ 1 : byte))],
  [
    "zstd whose second frame is damaged",
    twoFrames.map((byte, at) => (at === zstdOnce.length + 10 ? byte ^ 1 : byte)),
  ],
])("%s is refused", async (_name, packed) => {
  for (const chunk of [5, 1000]) {
    await expect(bySegments(packed, [], chunk, "lines")).rejects.toMatchObject({ code: "INVALID_DATA" });
  }
});

test("what breaks while packed content is read is what the reading throws", async () => {
  const files = new MemoryFiles();
  const file = files.add(gzipSync("one"));
  const broken = {
    async *readFile(ref: typeof file) {
      for await (const chunk of files.readFile(ref)) yield chunk.subarray(0, 10);
      throw new Error("the network");
    },
  };
  const segment = { file, start: 0, end: file.bytes, format: toFormat("lines") };
  await expect(collect(readSegment(segment, broken))).rejects.toThrow("the network");
});

test("bytes that are no UTF-8: where, or what stands for them", async () => {
  const text = Uint8Array.from([0x61, 0x0a, 0xc3, 0xa9, 0xff, 0x0a, 0x62]);
  for (const chunk of [1, 100]) {
    await expect(bySegments(text, [3], chunk, "lines")).rejects.toMatchObject({
      code: "INVALID_DATA",
      message: "file: the bytes at 4 are no UTF-8",
    });
    expect(await bySegments(text, [3], chunk, { kind: "lines", lossy: true })).toEqual(["a", "é\uFFFD", "b"]);
  }
  await expect(bySegments(text.slice(0, 3), [], 10, "lines")).rejects.toThrow("the bytes at 2 are");
});

test.each([
  ["jsonl", '{"a":1}\n{"a":\n', /line 2 behind byte 0 is no JSON/],
  ["csv", "a,b\n1,2,3\n", /a row of 3 fields under a header of 2/],
  ["csv", 'a,b\n1,"2\n', /row 0: .*[Qq]uote/],
] as const)("%s that is none: %j", async (format, text, message) => {
  await expect(bySegments(text, [], 100, format)).rejects.toMatchObject({ code: "INVALID_DATA" });
  await expect(bySegments(text, [], 100, format)).rejects.toThrow(message);
});

test("lineBytesMax: a longer line or row is refused, a line as long is not", async () => {
  const files = new MemoryFiles(7);
  const read = async (text: string, format: FormatOption) => {
    const file = files.add(text);
    const segment = { file, start: 0, end: file.bytes, format: toFormat(format) };
    return (await collect(readSegment(segment, files, { lineBytesMax: 20 }))).flat();
  };
  expect(await read(`${"x".repeat(19)}\n${"y".repeat(20)}`, "lines")).toHaveLength(2);
  await expect(read(`${"x".repeat(20)}\n`, "lines")).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  await expect(read(`a\n"${"x\n".repeat(30)}"`, "csv")).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
});

test("splitBytesTarget: segments follow from the files, cover them, and are of about one size", async () => {
  const files = new MemoryFiles();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(1000), { maxLength: 6 }),
      fc.integer({ min: 1, max: 300 }),
      async (sizes, segmentBytes) => {
        const refs = sizes.map((size, at) => files.add("x".repeat(size), `f${at}`));
        const plan = await collect(planSegments(refs, { segmentBytes }));
        expect(await collect(planSegments(refs, { segmentBytes, files }))).toEqual(plan);
        for (const ref of refs) {
          const own = plan.filter(({ file }) => file.name === ref.name);
          expect(own.map(({ start }) => start)).toEqual(
            [0, ...own.map(({ end }) => end)].slice(0, own.length),
          );
          expect(own.at(-1)?.end ?? 0).toBe(ref.bytes);
          for (const { start, end } of own) expect(end - start).toBeLessThanOrEqual(1.5 * segmentBytes);
          if (own.length > 1)
            for (const { start, end } of own) expect(end - start).toBeGreaterThanOrEqual(segmentBytes / 2);
        }
      },
    ),
  );
  const large = files.add("y".repeat(defaultLimits.splitBytesTarget * 2));
  expect(await collect(planSegments([large]))).toHaveLength(2);
});

test("what cannot be split is not: whole files, packed ones, and CSV unless it may be", async () => {
  const files = new MemoryFiles();
  const packed = files.add(gzipSync(Uint8Array.from({ length: 5000 }, (_, at) => (at * at * 7919) >> 3)));
  const count = async (file: typeof packed, options: Parameters<typeof planSegments>[1]) =>
    (await collect(planSegments([file], { segmentBytes: 100, ...options }))).length;
  const text = files.add("x,y\n".repeat(250));
  expect(await count(text, { format: "lines" })).toBe(10);
  expect(await count(text, { format: "whole" })).toBe(1);
  expect(await count(text, { format: "csv" })).toBe(1);
  expect(await count(text, { format: { kind: "csv", split: true } })).toBe(10);
  expect(await count(packed, { files })).toBe(1);
  expect(await count({ ...text, name: "a.txt.GZ" }, {})).toBe(1);
});

test("planning asks for files as segments are asked for", async () => {
  let asked = 0;
  function* endless() {
    for (;;) yield { cid: cidOf(new Uint8Array(1)), bytes: ++asked };
  }
  const plan = planSegments(endless());
  for (let at = 0; at < 3; at++) await plan.next();
  await plan.return(undefined);
  expect(asked).toBe(3);
});

test("a segment as a record survives the trip, and is seen as a part of its file", () => {
  const file = { cid: cidOf(new Uint8Array(1)), bytes: 100, name: "a.txt" };
  for (const format of ["lines", { kind: "csv", delimiter: ";", split: true }] as const) {
    const segment = { file, start: 10, end: 20, format: toFormat(format) };
    expect(decodeSegment(encodeSegment(segment))).toEqual(segment);
  }
  expect(() => decodeSegment(encodeValue([file, "lines"]))).toThrow(
    expect.objectContaining({ code: "PROTOCOL" }),
  );
});

test.each(["xml", { kind: "csv", delimiter: ";;" }, { kind: "csv", delimiter: '"' }, null, 3])(
  "%j is no format",
  (format) => {
    expect(() => toFormat(format as FormatOption)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
  },
);
