import { describe, expect, expectTypeOf, test } from "vitest";
import { type BlobHandle, blockFiles } from "../../data/index.ts";
import { asFileValue, defaultLimits, fileRefOf } from "../../protocol/index.ts";
import type { Dataset } from "../datasets/dataset.ts";
import type { RecordIn } from "./map-reduce.ts";
import { mapInputs } from "./shuffle-input.ts";

const cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
const file = (name: string) => asFileValue({ cid, bytes: 11, name });
const dataset = (...names: string[]) => ({
  async *files() {
    for (const name of names) yield file(name);
  },
});

async function given(input: unknown): Promise<unknown[]> {
  const files = blockFiles({
    readBlock: () => Promise.reject(new Error("nothing is read here")),
  } as never);
  const fetchFiles = async () => dataset("fetched").files();
  const all: unknown[] = [];
  const options = {
    format: "whole",
    segmentBytes: undefined,
    files,
    limits: defaultLimits,
    fetchFiles,
  } as const;
  for await (const each of mapInputs(input, options)) all.push(each);
  return all;
}

/** Names of the files of what maps get. */
const names = (inputs: unknown[]) => inputs.map((input) => fileRefOf((input as unknown[])[0])?.name);

describe("inputs of maps", () => {
  test.each<[string, unknown, string[]]>([
    ["a dataset", dataset("a", "b"), ["a", "b"]],
    ["datasets", [dataset("a"), dataset(), dataset("b", "c")], ["a", "b", "c"]],
    ["datasets, files and URLs", [file("a"), new URL("http://x/y"), dataset("b")], ["a", "fetched", "b"]],
    ["a URL", new URL("http://x/y"), ["fetched"]],
    ["nothing", [dataset(), dataset()], []],
  ])("are files: %s", async (_name, input, expected) => {
    expect(names(await given(input))).toEqual(expected);
  });

  test("have records of their files' format as a type, in a list, too", () => {
    expectTypeOf<RecordIn<Dataset, "lines">>().toEqualTypeOf<string>();
    expectTypeOf<RecordIn<Dataset[], "lines">>().toEqualTypeOf<string>();
    expectTypeOf<RecordIn<(Dataset | URL)[], "whole">>().toEqualTypeOf<BlobHandle>();
    expectTypeOf<RecordIn<number[], "lines">>().toEqualTypeOf<number>();
  });

  test("are records otherwise", async () => {
    expect(await given(["a", { files: 3 }])).toEqual([{ records: ["a", { files: 3 }] }]);
  });

  test("a text is none, and the hint says what was meant", async () => {
    await expect(given("books/alice.txt")).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
      hint: expect.stringContaining("cluster.put(path)"),
    });
    await expect(given([file("a"), "b"])).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  });
});
