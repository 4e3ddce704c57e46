import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { count, max, min, sum, top } from "../../../../client/runtime.ts";
import {
  decodeKey,
  type Format,
  type Key,
  planSegments,
  RunCursor,
  segmentValue,
} from "../../../../data/index.ts";
import { MemoryFiles } from "../../../../data/testing/memory-files.ts";
import {
  decodeValue,
  fileRefOf,
  MusketeersError,
  OUTPUT_BYTES,
  outputAt,
  setOutput,
} from "../../../../protocol/index.ts";
import type { Emit, MapReduceFunctions } from "./definition.ts";
import { mapSegment } from "./map-stage.ts";
import { failureKindOf, MissingOutputs } from "./missing.ts";
import { type ReducedPartition, reduceColumn } from "./reduce-stage.ts";
import type { TokenCounter } from "./token-counter.ts";

/* A map-reduce without any cluster: the stages' own code over files in memory. */

const FOLD = Symbol.for("musketeers.fold");

interface Options {
  readonly partitions?: number;
  readonly tableBytesMax?: number;
  readonly reduceBytesMax?: number;
}

type Functions = { [name in keyof MapReduceFunctions]: unknown };
type Pairs = (readonly [Key, unknown])[];

class Local {
  readonly files = new MemoryFiles(7000);
  readonly rows: Uint8Array[] = [];

  async run(inputs: readonly unknown[], functions: Functions, options: Options = {}): Promise<Pairs[]> {
    const { partitions = 3, tableBytesMax = 1 << 20, reduceBytesMax = tableBytesMax } = options;
    const given = functions as MapReduceFunctions;
    for (const input of inputs) {
      this.rows.push(await mapSegment(input, given, this.files, { partitions, tableBytesMax }));
    }
    const results: Pairs[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const reduced = await reduceColumn(this.column(partition), given, this.files, {
        tableBytesMax: reduceBytesMax,
      });
      results.push(await this.pairs(reduced));
    }
    return results;
  }

  column(partition: number): Uint8Array {
    const column = new Uint8Array(this.rows.length * OUTPUT_BYTES);
    for (const [at, row] of this.rows.entries()) setOutput(column, at, outputAt(row, partition));
    return column;
  }

  async pairs({ file, pairs }: ReducedPartition): Promise<Pairs> {
    const found: Pairs = [];
    if (file !== null) {
      const cursor = new RunCursor(this.files.readFile(fileRefOf(file)!));
      while (await cursor.next()) found.push([decodeKey(cursor.key), decodeValue(cursor.value)]);
    }
    expect(found.length).toBe(pairs);
    return found;
  }

  async segments(
    text: string | Uint8Array,
    format: Format["kind"],
    segmentBytes: number,
  ): Promise<unknown[]> {
    const segments: unknown[] = [];
    for await (const segment of planSegments([this.files.add(text, "text")], { format, segmentBytes })) {
      segments.push(segmentValue(segment));
    }
    return segments;
  }
}

const records = (...lists: unknown[][]) => lists.map((list) => ({ records: list }));
const sorted = (pairs: Pairs) =>
  pairs.sort(([a], [b]) => Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b))));
const together = (partitions: Pairs[]) => sorted(partitions.flat());

const words = (line: string, emit: Emit) => {
  for (const word of line.split(" ")) if (word !== "") emit(word, 1);
};

function counted(text: string): Pairs {
  const counts = new Map<string, number>();
  for (const word of text.split(/[ \r\n]+/)) if (word !== "") counts.set(word, (counts.get(word) ?? 0) + 1);
  return sorted([...counts]);
}

const addUp = (_key: Key, values: Iterable<number>) => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};
const addUpAsync = async (_key: Key, values: AsyncIterable<number>) => {
  let total = 0;
  for await (const value of values) total += value;
  return total;
};

/** Each way in which words may be counted. */
const programs: Record<string, { functions: Functions; format: "lines" | "bytes" }> = {
  "a fold on both sides": { functions: { map: words, combine: sum, reduce: sum }, format: "lines" },
  "a fold that combines by itself": { functions: { map: words, reduce: sum }, format: "lines" },
  "counting what is emitted": { functions: { map: words, reduce: count }, format: "lines" },
  "counting, then adding": { functions: { map: words, combine: count, reduce: sum }, format: "lines" },
  "the user's functions": { functions: { map: words, combine: addUp, reduce: addUp }, format: "lines" },
  "no combine": { functions: { map: words, reduce: addUp }, format: "lines" },
  "an async reduce": { functions: { map: words, reduce: addUpAsync }, format: "lines" },
  "a fold, then the user's function": {
    functions: { map: words, combine: sum, reduce: addUp },
    format: "lines",
  },
  "the counter": {
    functions: {
      map: (bytes: Uint8Array, _emit: Emit, { counter }: { counter: TokenCounter }) =>
        counter.addTokens(bytes),
      reduce: sum,
    },
    format: "bytes",
  },
  "the counter before the user's functions": {
    functions: {
      map: (bytes: Uint8Array, _emit: Emit, { counter }: { counter: TokenCounter }) =>
        counter.addTokens(bytes),
      combine: addUp,
      reduce: addUp,
    },
    format: "bytes",
  },
};

const word = fc.constantFrom("a", "b", "aa", "the", "The", "été", "😀", "x-1", "then", "thenn");
const line = fc.array(word, { maxLength: 12 }).map((list) => list.join(" "));
const text = fc.array(line, { maxLength: 40 }).map((list) => list.join("\n"));

describe.each(Object.entries(programs))("words by %s", (_name, { functions, format }) => {
  it("are counted, wherever it is cut, however little memory there is", async () => {
    await fc.assert(
      fc.asyncProperty(
        text,
        fc.integer({ min: 20, max: 500 }),
        fc.constantFrom(300, 1000, 1 << 20),
        fc.integer({ min: 1, max: 5 }),
        async (content, segmentBytes, tableBytesMax, partitions) => {
          const local = new Local();
          const inputs = await local.segments(content, format, segmentBytes);
          const found = await local.run(inputs, functions, {
            partitions,
            tableBytesMax,
            reduceBytesMax: 1 << 20,
          });
          for (const pairs of found) expect(pairs).toEqual(sorted([...pairs]));
          expect(together(found)).toEqual(counted(content));
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("map-reduces", () => {
  it("give equal files for equal inputs", async () => {
    const content = "one two three two\n".repeat(300);
    const [a, b] = [new Local(), new Local()];
    for (const local of [a, b]) {
      const inputs = await local.segments(content, "lines", 1000);
      await local.run(inputs, programs["no combine"]!.functions, {
        tableBytesMax: 2000,
        reduceBytesMax: 1 << 20,
      });
    }
    expect([...a.files.contents.keys()]).toEqual([...b.files.contents.keys()]);
    expect(a.files.contents.size).toBeGreaterThan(3);
  });

  it("merge in several passes what does not fit, values in the order in which they came", async () => {
    const local = new Local();
    const inputs = records(
      ...Array.from({ length: 12 }, (_, at) => Array.from({ length: 200 }, (_, of) => at * 200 + of)),
    );
    const [pairs] = await local.run(
      inputs,
      {
        map: (value: number, emit: Emit) => emit(value % 7, value),
        reduce: async (_key: Key, values: AsyncIterable<number>) => {
          const all: number[] = [];
          for await (const value of values) all.push(value);
          return all;
        },
      },
      { partitions: 1, tableBytesMax: 1000 },
    );
    expect(pairs!.map(([key]) => key)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    const everyFrom = (first: number) =>
      Array.from({ length: 2400 }, (_, at) => at).filter((it) => it % 7 === first);
    for (const [key, values] of pairs!) expect(values).toEqual(everyFrom(key as number));
  });

  it("take keys of all types, and none for -0 that 0 is not", async () => {
    const keys = [
      "a",
      1,
      -0,
      0,
      null,
      true,
      2n,
      ["a", 1],
      ["a", 0],
      new Date(5),
      Uint8Array.of(1),
      "a",
      ["a", 1],
    ];
    const local = new Local();
    const [pairs] = await local.run(
      records(keys.slice(0, 6), keys.slice(6)),
      { map: (key: Key, emit: Emit) => emit(key, 1), reduce: count },
      { partitions: 1 },
    );
    expect(pairs).toEqual([
      [null, 1],
      [true, 1],
      [0, 2],
      [1, 1],
      [2n, 1],
      ["a", 2],
      [Uint8Array.of(1), 1],
      [new Date(5), 1],
      [["a", 0], 1],
      [["a", 1], 2],
    ]);
  });

  it("emit several values of a key, or none", async () => {
    const [pairs] = await new Local().run(
      records([1, 2, 3, 4]),
      {
        map: (value: number, emit: Emit) => emit(value, value),
        reduce: (key: number, _values: unknown, emit: (value: unknown) => void) => {
          if (key === 3) return;
          emit(key * 10);
          if (key === 4) emit(key * 100);
        },
      },
      { partitions: 1 },
    );
    expect(pairs).toEqual([
      [1, 10],
      [2, 20],
      [4, 40],
      [4, 400],
    ]);
  });

  it("await maps that are async", async () => {
    const [pairs] = await new Local().run(
      records([1, 2]),
      {
        map: async (value: number, emit: Emit) => {
          await Promise.resolve();
          emit("all", value);
        },
        reduce: sum,
      },
      { partitions: 1 },
    );
    expect(pairs).toEqual([["all", 3]]);
  });

  it("give the least, the greatest and the first few", async () => {
    const map = (value: unknown, emit: Emit) => emit("k", value);
    const of = async (reduce: unknown, list: unknown[]) =>
      (
        await new Local().run(records(list.slice(0, 3), list.slice(3)), { map, reduce }, { partitions: 1 })
      )[0]![0]![1];
    const numbers = [5, 3, 9, 9, -2, 4];
    expect(await of(min, numbers)).toBe(-2);
    expect(await of(max, numbers)).toBe(9);
    expect(await of(top(3), numbers)).toEqual([9, 9, 5]);
    expect(await of(max, [[2, "b"], [2, "c"], [1, "z"], [2]])).toEqual([2, "c"]);
    expect(await of(sum, [1n, 2n, 3n, 4n])).toBe(10n);
    expect([min, max, top(2), sum, count].every((it) => FOLD in it)).toBe(true);
    expect(top(2)("k", [1, 3, 2])).toEqual([3, 2]);
    expect(() => top(0)).toThrow(RangeError);
  });
});

describe("a key that holds half of everything", () => {
  const skewed = records(...Array.from({ length: 4 }, () => new Array<string>(500).fill("a rare one")));
  const map = (line: string, emit: Emit) => emit(line === "a rare one" ? "hot" : line, "x".repeat(20));
  const length = (_key: Key, values: Iterable<string>) => [...values].length;

  it("is streamed to a reduce that awaits its values", async () => {
    const [pairs] = await new Local().run(
      skewed,
      {
        map,
        reduce: async (_key: Key, values: AsyncIterable<string>) => {
          let found = 0;
          for await (const value of values) found += value.length;
          return found;
        },
      },
      { partitions: 1, tableBytesMax: 5000 },
    );
    expect(pairs).toEqual([["hot", 2000 * 20]]);
  });

  it("may be left in the middle", async () => {
    const [pairs] = await new Local().run(
      [...skewed, ...records(["z"])],
      {
        map,
        reduce: async (_key: Key, values: AsyncIterable<string>) => {
          for await (const value of values) return value.length;
          return 0;
        },
      },
      { partitions: 1, tableBytesMax: 5000 },
    );
    expect(pairs).toEqual([
      ["hot", 20],
      ["z", 20],
    ]);
  });

  it("is a coded error to one that wants them all at once", async () => {
    const run = new Local().run(skewed, { map, reduce: length }, { partitions: 1, tableBytesMax: 5000 });
    await expect(run).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
      hint: expect.stringContaining("for await"),
    });
  });

  it("is nothing special where it is combined", async () => {
    const one = (line: string, emit: Emit) => emit(line, 1);
    const [pairs] = await new Local().run(
      skewed,
      { map: one, combine: addUp, reduce: addUp },
      { partitions: 1, tableBytesMax: 5000 },
    );
    expect(pairs).toEqual([["a rare one", 2000]]);
  });
});

describe("what goes wrong", () => {
  it("is said with the key, for values that are no data", async () => {
    for (const functions of [
      { map: (_: unknown, emit: Emit) => emit("bad", () => 1), reduce: addUp },
      {
        map: (_: unknown, emit: Emit) => emit("bad", () => 1),
        combine: (_k: Key, [v]: unknown[]) => v,
        reduce: addUp,
      },
      { map: (_: unknown, emit: Emit) => emit("bad", () => 1), reduce: max },
    ]) {
      const error = await new Local().run(records([1]), functions).catch((it: unknown) => it);
      expect(error).toMatchObject({ code: "UNSERIALIZABLE", message: expect.stringContaining('"bad"') });
      expect(failureKindOf(error)).toBe("unserializable");
    }
  });

  it("is said for keys that are none", async () => {
    for (const key of [{ a: 1 }, undefined, "\uD800"]) {
      const map = (_: unknown, emit: Emit) => emit(key as never, 1);
      await expect(new Local().run(records([1]), { map, reduce: sum })).rejects.toMatchObject({
        code: "UNSERIALIZABLE",
      });
    }
  });

  it("is the user's own error where the user's function throws", async () => {
    const map = () => {
      throw new RangeError("no such thing");
    };
    const error = await new Local().run(records([1]), { map, reduce: sum }).catch((it: unknown) => it);
    expect(error).toBeInstanceOf(RangeError);
    expect(failureKindOf(error)).toBe("error");
    const adding = new Local().run(records(["x"]), {
      map: (v: string, emit: Emit) => emit("k", v),
      reduce: sum,
    });
    await expect(adding).rejects.toThrow("sum adds numbers");
  });

  it("is said for text that is none, read as lines or counted", async () => {
    for (const [format, map] of [
      ["lines", words],
      [
        "bytes",
        (bytes: Uint8Array, _: Emit, { counter }: { counter: TokenCounter }) => counter.addTokens(bytes),
      ],
    ] as const) {
      const local = new Local();
      const inputs = await local.segments(Uint8Array.of(97, 0xff, 10), format, 100);
      await expect(local.run(inputs, { map, reduce: sum })).rejects.toMatchObject({ code: "INVALID_DATA" });
    }
  });

  it("names the outputs that are gone", async () => {
    for (const reduceBytesMax of [1, 1 << 20]) {
      const local = new Local();
      await local.run(records(["a"], ["b"], ["c"]), programs["no combine"]!.functions, { partitions: 1 });
      const entries = local.column(0);
      const gone = [...local.files.contents.keys()][1]!;
      const reading = {
        readFile: (ref: { cid: string; bytes: number }, options: object) => {
          if (ref.cid === gone) throw new MusketeersError("NOT_FOUND", "gone");
          return local.files.readFile(ref, options);
        },
        writeFile: () => local.files.writeFile(),
      };
      const reducing = reduceColumn(entries, programs["no combine"]!.functions as never, reading, {
        tableBytesMax: reduceBytesMax,
      });
      const error = await reducing.catch((it: unknown) => it);
      expect(error).toBeInstanceOf(MissingOutputs);
      expect(error).toMatchObject({ missing: [gone] });
      expect(failureKindOf(error)).toBe("missing");
    }
  });

  it("is refused: a column that is none, a segment that is none", async () => {
    const functions = programs["no combine"]!.functions as never;
    const { files } = new Local();
    for (const column of [new Uint8Array(39), "x", undefined]) {
      await expect(reduceColumn(column, functions, files, { tableBytesMax: 9 })).rejects.toMatchObject({
        code: "PROTOCOL",
      });
    }
    for (const segment of [undefined, 1, {}, [1, 2]]) {
      await expect(
        mapSegment(segment, functions, files, { partitions: 1, tableBytesMax: 9 }),
      ).rejects.toMatchObject({ code: "PROTOCOL" });
    }
  });
});
