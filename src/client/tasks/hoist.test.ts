import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sum, top } from "../runtime.ts";
import { Hoist } from "./hoist.ts";

let directory: string;
let modules = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "musketeers-hoist-"));
});
afterAll(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));

/** What the text of a value is when it is evaluated somewhere else. */
async function there(value: unknown, given?: Record<string, unknown>): Promise<unknown> {
  const hoist = await Hoist.open(given);
  const { code } = hoist.module("test", await hoist.text(value, "value"));
  const path = join(directory, `${modules++}.mjs`);
  await writeFile(path, code);
  return ((await import(/* @vite-ignore */ pathToFileURL(path).href)) as { job: unknown }).job;
}

// What this module has is not there elsewhere.
const outside = 5;
const helper = (value: number) => value + 1;

describe("functions as text", () => {
  it("do the same elsewhere, however they are written", async () => {
    const functions = {
      arrow: (value: number) => value * 2,
      method(value: number) {
        return value * 2;
      },
      async later(value: number) {
        return value * 2;
      },
      *many(value: number) {
        yield value;
      },
      named: function double(value: number): number {
        return value > 100 ? double(value) : value * 2;
      },
      inner: (value: number) => {
        const twice = (of: number) => of * 2;
        return [value].map(twice)[0]!;
      },
      globals: (value: number) => Math.max(value * 2, Number.NEGATIVE_INFINITY),
      destructured: (value: number, { by = 2 } = {}) => value * by,
    };
    const elsewhere = (await there(functions)) as typeof functions;
    expect(elsewhere.arrow(4)).toBe(8);
    expect(elsewhere.method(4)).toBe(8);
    expect(await elsewhere.later(4)).toBe(8);
    expect([...elsewhere.many(4)]).toEqual([4]);
    expect(elsewhere.named(4)).toBe(8);
    expect(elsewhere.inner(4)).toBe(8);
    expect(elsewhere.globals(4)).toBe(8);
    expect(elsewhere.destructured(4)).toBe(8);
  });

  it("name what they use and do not have", async () => {
    const uses = (value: number) => helper(value) + outside;
    await expect(there(uses)).rejects.toMatchObject({
      code: "TASK_UNKNOWN",
      message: expect.stringMatching(/value uses helper, outside, which are not there/),
      hint: expect.stringContaining("with: { helper, outside }"),
    });
  });

  it("have what is handed over", async () => {
    const uses = (value: number) => helper(value) + outside;
    const elsewhere = (await there(uses, { helper, outside })) as typeof uses;
    expect(elsewhere(1)).toBe(7);
    const word = (text: string) => outer(text);
    const outer = (text: string) => text.toUpperCase();
    expect(((await there(word, { outer })) as typeof word)("a")).toBe("A");
  });

  it("are refused where they have no text", async () => {
    for (const value of [Math.max, helper.bind(null), { deep: [Math.min] }]) {
      await expect(there(value)).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
    }
  });
});

describe("data as text", () => {
  it("is the same elsewhere", async () => {
    const value = {
      list: [1, -0, 1.5, Number.NaN, 2n ** 70n, "a\n\u2028'", true, null, undefined],
      set: new Set(["a", new Date(5)]),
      map: new Map([["k", /a\/b/gi]]),
      bytes: Uint8Array.of(1, 2),
      floats: Float64Array.of(1.5, Number.POSITIVE_INFINITY),
      "odd name": {},
      dunder__: 1,
    };
    expect(await there(value)).toEqual(value);
  });

  it("is refused where it is none", async () => {
    const circle: unknown[] = [];
    circle.push(circle);
    for (const value of [circle, new (class A {})(), Symbol("a"), new WeakMap()]) {
      await expect(there(value)).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
    }
    await expect(Hoist.open({ "a b": 1 })).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
  });
});

it("reducers of the package go by their names", async () => {
  const hoist = await Hoist.open();
  const job = await hoist.text({ combine: sum, reduce: top(3) }, "it");
  expect(job).toBe('({ "combine": sum, "reduce": top(3) })');
  expect(hoist.module("t", job).code).toContain('import { sum, top } from "musketeers";');
});
