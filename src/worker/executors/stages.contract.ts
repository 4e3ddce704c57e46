import { expect, it } from "vitest";
import { decodeKey, type FileStore, planSegments, RunCursor, segmentValue } from "../../data/index.ts";
import { MemoryFiles } from "../../data/testing/memory-files.ts";
import {
  decodeValue,
  encodeResumed,
  encodeValue,
  type FailureData,
  fileRefOf,
  MusketeersError,
  OUTPUT_BYTES,
  outputAt,
  packRecords,
  type StageKind,
  setOutput,
  type TaskSpec,
} from "../../protocol/index.ts";
import type { TestSandbox } from "./executor.contract.ts";

type StartTest = (code: string, options: Partial<TaskSpec> & { files?: FileStore }) => TestSandbox;

const definition = (functions: string) => `
  const main = () => {};
  main[Symbol.for("musketeers.stages")] = { ${functions} };
  export { main };`;

const words = definition(`
  map: (line, emit) => { for (const word of line.split(" ")) if (word) emit(word, 1); },
  reduce: (_key, values) => [...values].reduce((sum, value) => sum + value, 0),`);

/** What every executor holds to where a task is a stage of a map-reduce. */
export function stageContract(startTest: StartTest): void {
  const start = (code: string, kind: StageKind, files: FileStore) =>
    startTest(code, { stage: { kind, partitions: 2 }, files });

  it("runs the stages of a map-reduce over files", async () => {
    const files = new MemoryFiles(1000);
    const segments: unknown[] = [];
    for await (const segment of planSegments([files.add("a b a\nc a\n".repeat(2000))], {
      segmentBytes: 5000,
    }))
      segments.push(segmentValue(segment));
    expect(segments.length).toBe(4);
    const maps = start(words, "map", files);
    const rows = (await maps.run(segments)).map((outcome) => (outcome as { value: Uint8Array }).value);
    await maps.sandbox.kill();
    const columns = [0, 1].map((partition) => {
      const column = new Uint8Array(rows.length * OUTPUT_BYTES);
      for (const [at, row] of rows.entries()) setOutput(column, at, outputAt(row, partition));
      return column;
    });
    const reduces = start(words, "reduce", files);
    const found: unknown[] = [];
    for (const column of columns) {
      const { file } = (await reduces.call(column)) as { file: unknown };
      const ref = fileRefOf(file);
      if (ref === undefined) continue;
      const cursor = new RunCursor(files.readFile(ref));
      while (await cursor.next()) found.push([decodeKey(cursor.key), decodeValue(cursor.value)]);
    }
    await reduces.sandbox.kill();
    expect(found.sort()).toEqual([
      ["a", 6000],
      ["b", 2000],
      ["c", 2000],
    ]);
  });

  it("has a task say which of two answers are the same to it", async () => {
    const code = `
      const main = (x) => x;
      main[Symbol.for("musketeers.task")] = { options: { same: (a, b) => Math.abs(a.x - b.x) < 0.01 } };
      export { main };`;
    const { sandbox, next } = startTest(code, { stage: { kind: "same", partitions: 0 } });
    const answers = [{ x: 0.3 }, { x: 0.1 + 0.2 }, { x: 0.4 }, null].map((value) => encodeValue(value));
    const pairs = answers.slice(1).map((other) => encodeResumed(answers[0]!, other));
    const outcomes = next(pairs.length);
    sandbox.run(packRecords(pairs), pairs.length);
    expect(await outcomes).toMatchObject([{ value: true }, { value: false }, { failure: { kind: "error" } }]);
    await sandbox.kill();
  });

  it("says what kind of failure it is that a stage met", async () => {
    const files = new MemoryFiles();
    const kindOf = async (code: string, kind: StageKind, input: unknown, store: FileStore = files) => {
      const test = start(code, kind, store);
      const failure = (await test.call(input).catch((it: unknown) => it)) as FailureData;
      await test.sandbox.kill();
      return failure;
    };
    const records = { records: ["x"] };
    const throwing = definition(`map: () => { throw new RangeError("mine"); }, reduce: () => 1`);
    expect(await kindOf(throwing, "map", records)).toMatchObject({ kind: "error", name: "RangeError" });
    const unfit = definition(`map: (line, emit) => emit(line, () => 1), reduce: () => 1`);
    expect(await kindOf(unfit, "map", records)).toMatchObject({
      kind: "unserializable",
      message: expect.stringContaining('"x"'),
    });
    const none = "export const main = () => 1";
    expect(await kindOf(none, "map", records)).toMatchObject({
      message: expect.stringContaining("no map-reduce"),
    });
    const saving = definition(`
      map: () => globalThis[Symbol.for("musketeers.state")].save(1),
      reduce: () => 1`);
    expect(await kindOf(saving, "map", records)).toMatchObject({
      kind: "error",
      message: expect.stringContaining("checkpoint is for tasks"),
      props: { code: "BAD_ARGUMENT" },
    });
    const column = new Uint8Array(OUTPUT_BYTES);
    setOutput(column, 0, { digest: new Uint8Array(32).fill(7), codec: "raw", bytes: 5 });
    const empty: FileStore = {
      readFile: () => {
        throw new MusketeersError("NOT_FOUND", "nobody has it");
      },
      writeFile: () => files.writeFile(),
    };
    expect(await kindOf(words, "reduce", column, empty)).toMatchObject({
      kind: "missing",
      props: { missing: [expect.stringMatching(/^bafkrei/)] },
    });
  });
}
