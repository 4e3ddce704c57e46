import { expect, it } from "vitest";
import type { FileReader, FileStore } from "../../data/index.ts";
import { MemoryFiles } from "../../data/testing/memory-files.ts";
import { asFileValue, defaultLimits, fileRefOf, MusketeersError } from "../../protocol/index.ts";
import type { TestSandbox } from "./executor.contract.ts";

const MiB = 1024 * 1024;
const runtime = `const { putFile } = globalThis[Symbol.for("musketeers.files")];`;

/** Bytes that tell where they stand. */
function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >>> 8) * 7) & 0xff;
  return bytes;
}

/** A store whose reading is another's, changed. */
const reading = (files: MemoryFiles, change: FileReader["readFile"]): FileStore => ({
  readFile: change,
  writeFile: (options) => files.writeFile(options),
});

export type StartTest = (code: string, options: { timeoutMs: number; files?: FileStore }) => TestSandbox;

/** What every executor holds to where tasks read and write files. */
export function fileContract(startTest: StartTest): void {
  const start = (code: string, files?: FileStore, timeoutMs = 20_000) =>
    startTest(code, { timeoutMs, ...(files === undefined ? {} : { files }) });

  it("gives tasks files as handles: as text, lines, bytes, parts", async () => {
    const files = new MemoryFiles(7);
    const value = asFileValue(files.add("first line\nsecond ä\n", "a/b.txt"));
    const code = `export const main = async ({ file }) => ({
      name: file.name, size: file.size, text: await file.text(), part: await file.bytes({ start: 6, end: 10 }),
      lines: await (async () => { const all = []; for await (const line of file.lines()) all.push(line); return all })(),
      again: file })`;
    const test = start(code, files);
    const result = (await test.call({ file: value })) as { again: object };
    expect(result).toMatchObject({
      name: "a/b.txt",
      size: 21,
      text: "first line\nsecond ä\n",
      part: new TextEncoder().encode("line"),
      lines: ["first line", "second ä"],
    });
    expect(fileRefOf(result.again)).toEqual(fileRefOf(value));
    await test.sandbox.kill();
  });

  it("fileWindowBytes: streams what is larger than all windows, and holds no more than these", async () => {
    const files = new MemoryFiles(262_144);
    const content = pattern(40 * MiB + 12_345);
    const value = asFileValue(files.add(content));
    let given = 0;
    const counted = reading(files, async function* (ref, options) {
      for await (const chunk of files.readFile(ref, options)) {
        given += chunk.length;
        yield chunk;
      }
    });
    const code = `const go = []; let blocked = new Promise((resolve) => go.push(resolve));
      export const main = async (file) => {
        if (file === "go") { go[0](); return (await whole); }
        whole = (async () => {
          let [bytes, sum, first] = [0, 0, true];
          for await (const chunk of file.stream()) {
            if (first) { first = false; await blocked; }
            bytes += chunk.length;
            for (let at = 0; at < chunk.length; at += 997) sum = (sum + chunk[at] * (at + 1)) % 1000003;
          }
          return bytes;
        })();
        await new Promise((resolve) => setTimeout(resolve, 0));
        return "begun"; };
      let whole;`;
    const test = start(code, counted);
    expect(await test.call(value)).toBe("begun");
    expect(await test.call(asFileValue(files.add("x")))).toBe("begun");
    await test.sandbox.kill();
    expect(given).toBeLessThanOrEqual(defaultLimits.fileWindowBytes + 262_144);

    const sums = start(
      `export const main = async (file) => {
        let [at, wrong] = [0, 0];
        for await (const chunk of file.stream()) for (const byte of chunk) {
          if (byte !== ((at * 31 + (at >>> 8) * 7) & 0xff)) wrong++;
          at++;
        }
        return [at, wrong]; }`,
      files,
    );
    expect(await sums.call(value)).toEqual([content.length, 0]);
    await sums.sandbox.kill();
  });

  it("takes files that tasks write, of any size, and says what they are", async () => {
    const files = new MemoryFiles();
    const code = `${runtime}
      export const main = async (size) => {
        async function* parts() {
          for (let at = 0; at < size; ) {
            const part = new Uint8Array(Math.min(size - at, 1 + (at * 7919) % 700_000));
            for (let i = 0; i < part.length; i++, at++) part[i] = (at * 31 + (at >>> 8) * 7) & 0xff;
            yield part;
          }
        }
        const file = await putFile(parts(), { name: "out.bin" });
        return { file, echoed: size < 100 ? await file.bytes() : undefined };
      }`;
    const test = start(code, files);
    for (const size of [0, 10, 5 * MiB + 3]) {
      const { file, echoed } = (await test.call(size)) as { file: object; echoed: Uint8Array };
      const ref = fileRefOf(file)!;
      expect({ ...ref }).toEqual({ cid: ref.cid, bytes: size, name: "out.bin" });
      expect(Buffer.compare(files.contents.get(ref.cid)!, pattern(size))).toBe(0);
      if (size < 100) expect(echoed).toEqual(pattern(size));
    }
    await test.sandbox.kill();
  });

  it("holds a report back until the files that it may name are stored", async () => {
    const files = new MemoryFiles();
    let settle!: () => void;
    const stored = new Promise<void>((resolve) => {
      settle = resolve;
    });
    const slow: FileStore = {
      readFile: (ref, options) => files.readFile(ref, options),
      writeFile: (options) => ({ ...files.writeFile(options), stored }),
    };
    const test = start(`${runtime} export const main = (text) => putFile(text);`, slow);
    await test.call("content");
    expect(test.stored).toHaveLength(1);
    settle();
    await test.stored[0];
    await test.call("more");
    await test.call("even more");
    await Promise.all(test.stored);
    await test.sandbox.kill();
  });

  it("gives the task the coded error of a file that is not there, is refused, or has no store", async () => {
    const files = new MemoryFiles();
    const value = asFileValue(files.add("text"));
    const code = `export const main = async (file) => { try { return await file.text() } catch (error) { return error.code } }`;
    const missing = reading(files, () => {
      throw new MusketeersError("NOT_FOUND", "There is no such block");
    });
    for (const [store, answer] of [
      [files, "text"],
      [missing, "NOT_FOUND"],
      [undefined, "NOT_FOUND"],
    ] as const) {
      const test = start(code, store);
      expect(await test.call(value)).toBe(answer);
      await test.sandbox.kill();
    }
    const invalid = asFileValue(files.add(Uint8Array.of(0xff)));
    const test = start("export const main = (file) => file.text()", files);
    await expect(test.call(invalid)).rejects.toMatchObject({
      kind: "error",
      message: expect.stringMatching(/no UTF-8/),
    });
    await test.sandbox.kill();
  });

  it("tells a task that writes where there is no space", async () => {
    const full: FileStore = {
      readFile: () => {
        throw new Error("not asked for");
      },
      writeFile: () => ({
        write: () => Promise.reject(new MusketeersError("STORAGE", "No space left")),
        end: () => Promise.reject(new MusketeersError("STORAGE", "No space left")),
        abort: () => {},
      }),
    };
    const code = `${runtime} export const main = async (size) => {
      try { return await putFile(new Uint8Array(size)) } catch (error) { return error.code } }`;
    const test = start(code, full);
    for (const size of [10, 3 * MiB]) expect(await test.call(size)).toBe("STORAGE");
    await test.sandbox.kill();
  });

  it("ends the transfer when the task leaves the loop, and when the sandbox is killed", async () => {
    const files = new MemoryFiles();
    const value = asFileValue(files.add("x".repeat(100)));
    const events: string[] = [];
    let onEvent = () => {};
    const happened = (event: string) => {
      events.push(event);
      onEvent();
    };
    const until = async (count: number) => {
      while (events.length < count) {
        await new Promise<void>((resolve) => {
          onEvent = resolve;
        });
      }
    };
    const endless = reading(files, async function* () {
      happened("begun");
      try {
        for (;;) yield new Uint8Array(100_000);
      } finally {
        happened("ended");
      }
    });
    const code = `export const main = async ({ file, stay }) => {
      for await (const chunk of file.stream({ end: 1e9 })) {
        if (stay) await new Promise(() => {});
        return chunk.length;
      } }`;
    const test = start(code, endless);
    expect(await test.call({ file: value, stay: false })).toBe(100_000);
    await until(2);
    void test.call({ file: value, stay: true }).catch(() => {});
    await until(3);
    await test.sandbox.kill();
    await until(4);
    expect(events).toEqual(["begun", "ended", "begun", "ended"]);
  });

  it("does not count the time that the agent takes against the task, but its own", async () => {
    const files = new MemoryFiles();
    const value = asFileValue(files.add("late"));
    let deliver!: () => void;
    const gate = new Promise<void>((resolve) => {
      deliver = resolve;
    });
    const late = reading(files, async function* (ref, options) {
      await gate;
      yield* files.readFile(ref, options);
    });
    const test = start(
      "export const main = async (file) => file ? file.text() : new Promise(() => {})",
      late,
      2_000,
    );
    const outcome = test.call(value);
    const passed = await Promise.race([
      outcome,
      new Promise((resolve) => setTimeout(resolve, 3_000, "waits")),
    ]);
    expect(passed).toBe("waits");
    deliver();
    expect(await outcome).toBe("late");
    await expect(test.call(null)).rejects.toThrow("timeout: It took longer than 2000 ms");
  });

  it("sandboxFilesMax: one file more than may be open is refused, and the others go on", async () => {
    const files = new MemoryFiles();
    const value = asFileValue(files.add("y".repeat(1000)));
    const code = `export const main = async ({ file, count }) => {
      const open = Array.from({ length: count }, () => file.stream({ end: 1e6 })[Symbol.asyncIterator]());
      const firsts = await Promise.all(open.map((each) => each.next().then(() => "ok", (error) => error.code)));
      await Promise.all(open.map((each) => each.return()));
      return [firsts.filter((first) => first === "ok").length, [...new Set(firsts)].sort()] }`;
    const stuck = reading(files, async function* (_ref, { signal } = {}) {
      yield new Uint8Array(10);
      await new Promise((resolve) => signal?.addEventListener("abort", resolve));
    });
    const max = defaultLimits.sandboxFilesMax;
    const test = start(code, stuck);
    expect(await test.call({ file: value, count: max + 1 })).toEqual([max, ["LIMIT_EXCEEDED", "ok"]]);
    expect(await test.call({ file: value, count: max })).toEqual([max, ["ok"]]);
    await test.sandbox.kill();
  });
}
