import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FileStore } from "../../data/index.ts";
import {
  decodeFailure,
  decodeValue,
  defaultLimits,
  eachRecord,
  encodeResumed,
  encodeValue,
  type FailureData,
  type Limits,
  packRecords,
  type TaskSpec,
} from "../../protocol/index.ts";
import { fileContract } from "./files.contract.ts";
import type { Death, Executor, Sandbox } from "./port.ts";
import { stageContract } from "./stages.contract.ts";

const MiB = 1024 * 1024;
const text = new TextEncoder();
const untext = new TextDecoder();

/** A value, or why there is none. */
export type Outcome = { readonly value: unknown } | { readonly failure: FailureData };

/** A sandbox whose results, lines and death can be awaited. */
export interface TestSandbox {
  readonly sandbox: Sandbox;
  readonly outcomes: Outcome[];
  readonly lines: string[];
  /** How many results came in each report. */
  readonly reports: number[];
  /** States as they were saved. */
  readonly saved: unknown[];
  dropped: number;
  /** What a report waited for before it could be passed on. */
  readonly stored: Promise<void>[];
  readonly death: Promise<Death>;
  /** Runs values; resolves with their outcomes, rejects when the sandbox dies first. */
  run(values: readonly unknown[], careful?: boolean): Promise<Outcome[]>;
  /** Resolves with the next outcomes, rejects when the sandbox dies first. */
  next(count: number): Promise<Outcome[]>;
  /** Runs one value and gives its result; a failure is thrown as its data. */
  call(value: unknown): Promise<unknown>;
}

export const taskOf = (entry: string, options: Partial<TaskSpec> = {}): TaskSpec => ({
  bundle: "test",
  entry,
  title: entry,
  timeoutMs: 20_000,
  memoryBytes: 256 * MiB,
  net: [],
  ...options,
});

export function startTest(
  executor: Executor,
  code: string,
  { files, ...options }: Partial<TaskSpec> & { entry?: string; files?: FileStore } = {},
): TestSandbox {
  const outcomes: Outcome[] = [];
  let wake = () => {};
  let die!: (death: Death) => void;
  const death = new Promise<Death>((resolve) => {
    die = resolve;
  });
  const test: TestSandbox = {
    sandbox: executor.start(
      { task: taskOf(options.entry ?? "export:main", options), code: text.encode(code) },
      {
        ...(files === undefined ? {} : { files }),
        onResults: ({ block, count, failures, stored }) => {
          test.reports.push(count);
          if (stored !== undefined) test.stored.push(stored);
          const failed = new Set(failures.map(({ at }) => at));
          let at = 0;
          for (const record of eachRecord(block)) {
            outcomes.push(
              failed.has(at++) ? { failure: decodeFailure(record) } : { value: decodeValue(record) },
            );
          }
          wake();
        },
        onLog: (block, dropped) => {
          for (const line of eachRecord(block)) test.lines.push(untext.decode(line));
          test.dropped += dropped;
        },
        onSaved: (state) => test.saved.push(decodeValue(state)),
        onDeath: (reason) => die(reason),
      },
    ),
    outcomes,
    lines: [],
    reports: [],
    saved: [],
    dropped: 0,
    stored: [],
    death,
    run(values, careful) {
      const outcome = test.next(values.length);
      test.sandbox.run(packRecords(values.map(encodeValue)), values.length, careful);
      return outcome;
    },
    async next(count) {
      const from = outcomes.length;
      const enough = new Promise<void>((resolve) => {
        wake = () => {
          if (outcomes.length >= from + count) resolve();
        };
      });
      await Promise.race([
        enough,
        death.then(({ kind, message }) => Promise.reject(new Error(`${kind}: ${message}`))),
      ]);
      return outcomes.slice(from);
    },
    async call(value) {
      const [outcome] = await test.run([value]);
      if (outcome === undefined || "failure" in outcome) throw outcome?.failure;
      return outcome.value;
    },
  };
  return test;
}

/** What every executor holds to. */
export function executorContract(name: string, create: (limits: Limits) => Promise<Executor>): void {
  const limits: Limits = {
    ...defaultLimits,
    logBytesPerSecondMax: 2_000,
    logLineBytesMax: 100,
    checkpointIntervalMs: 20,
    reportRecordsMax: 1_000,
  };

  describe(`executor: ${name}`, { timeout: 60_000 }, () => {
    let executor: Executor;
    beforeAll(async () => {
      executor = await create(limits);
    }, 60_000);
    afterAll(() => executor.close());

    it("runs records in order, across blocks", async () => {
      const test = startTest(executor, "export const main = (x) => x * 2");
      const values = Array.from({ length: 5_000 }, (_, index) => index);
      const outcomes = await test.run(values);
      expect(outcomes).toEqual(values.map((value) => ({ value: value * 2 })));
      expect(await test.call(21)).toBe(42);
      await test.sandbox.kill();
    });

    it("keeps structured values whole, and awaits promises", async () => {
      const test = startTest(executor, "export const main = async (x) => { await null; return x; }");
      const value = { at: new Date(0), big: 2n ** 80n, map: new Map([[1, new Set([undefined])]]), nan: NaN };
      expect(await test.call(value)).toEqual(value);
      await test.sandbox.kill();
    });

    it("checkpointIntervalMs: keeps the state of the first record without a result, and gives it back to its next attempt", async () => {
      const code = `
        const state = () => globalThis[Symbol.for("musketeers.state")];
        export const main = async (x) => {
          const from = state().restored()?.step ?? 0;
          for (let step = from; step < from + 10; step++) {
            state().save({ x, step });
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
          return from;
        }`;
      const test = startTest(executor, code);
      expect(await test.call("one")).toBe(0);
      expect(test.saved[0]).toEqual({ x: "one", step: 0 });
      const steps = test.saved.map((state) => (state as { step: number }).step);
      expect(steps).toEqual([...steps].sort((a, b) => a - b));
      expect(steps.length).toBeLessThan(10);
      const record = encodeResumed(encodeValue("two"), encodeValue({ step: 7 }));
      const resumed = test.next(2);
      test.sandbox.run(packRecords([record, encodeValue("three")]), 2);
      expect(await resumed).toEqual([{ value: 7 }, { value: 0 }]);
      expect(test.saved.at(-1)).toMatchObject({ x: "three" });
      await test.sandbox.kill();
    });

    it("refuses a state that is no data, and takes one for blocking code, too", async () => {
      const code = `
        const state = () => globalThis[Symbol.for("musketeers.state")];
        export const main = (x) => {
          state().save(x === 1 ? () => x : x);
          if (x === 3) for (;;) ;
          return x;
        }`;
      const test = startTest(executor, code, { timeoutMs: 300 });
      expect(await test.run([1])).toMatchObject([
        { failure: { kind: "error", props: { code: "UNSERIALIZABLE" } } },
      ]);
      test.sandbox.run(packRecords([encodeValue(3)]), 1);
      expect(await test.death).toMatchObject({ kind: "timeout" });
      expect(test.saved).toEqual([3]);
    });

    it("finds tasks that are registered, also where the module never ends", async () => {
      const code = `
        const tasks = (globalThis[Symbol.for("musketeers.tasks")] ??= new Map());
        tasks.set("site:a.ts#0", { fn: (x) => x + 1 });
        globalThis[Symbol.for("musketeers.connect")]?.();
        await new Promise(() => {});`;
      const test = startTest(executor, code, { entry: "site:a.ts#0" });
      expect(await test.call(1)).toBe(2);
      await test.sandbox.kill();
    });

    it("uses a registered task although its module fails after it", async () => {
      const code = `
        const tasks = (globalThis[Symbol.for("musketeers.tasks")] ??= new Map());
        tasks.set("site:a.ts#0", { fn: (x) => x + 1 });
        throw new Error("a main part that needs files");`;
      const test = startTest(executor, code, { entry: "site:a.ts#0" });
      expect(await test.call(1)).toBe(2);
      await test.sandbox.kill();
    });

    it("fails each input of an entry that is not there, and of code that does not load", async () => {
      const missing = startTest(executor, "export const other = 1", { entry: "export:main" });
      const broken = startTest(executor, "throw new RangeError('no luck')");
      const unread = startTest(executor, "export const = ");
      expect(await missing.run([1, 2])).toMatchObject([
        { failure: { kind: "error", name: "TaskUnknown" } },
        { failure: { kind: "error", name: "TaskUnknown" } },
      ]);
      expect(await broken.run([1])).toMatchObject([{ failure: { name: "RangeError", message: "no luck" } }]);
      expect(await unread.run([1])).toMatchObject([
        { failure: { kind: "error", name: expect.stringMatching(/^(Syntax|Type)Error$/) } },
      ]);
      await Promise.all([missing, broken, unread].map((test) => test.sandbox.kill()));
    });

    it("tells class, message, stack, cause and properties of an error; the others are unaffected", async () => {
      const code = `
        class Sold extends Error { code = 7 }
        function deep(x) { throw new Sold("out of " + x, { cause: new TypeError("why") }) }
        export const main = (x) => x === 2 ? deep(x) : x`;
      const test = startTest(executor, code);
      const [first, second, third] = await test.run([1, 2, 3]);
      expect([first, third]).toEqual([{ value: 1 }, { value: 3 }]);
      const { failure } = second as { failure: FailureData };
      expect(failure).toMatchObject({ kind: "error", name: "Sold", message: "out of 2", props: { code: 7 } });
      expect(failure.stack).toMatch(/^ {4}at deep \(bundle\.js:3:\d+\)\n {4}at main \(bundle\.js:4:\d+\)/);
      expect(failure.stack).toContain("Caused by TypeError: why");
      await test.sandbox.kill();
    });

    it("maps stacks to the user's source and leaves our own frames out", async () => {
      // Lines 1 and 2 of the bundle are lines 11 of stock.ts and 1 of our runtime.
      const map = {
        version: 3,
        names: [],
        sources: ["src/stock.ts", "musketeers:runtime"],
        mappings: "AAUA;ACVA",
      };
      const code = [
        "export const thrower = () => { throw new Error('x') };",
        "export const main = () => thrower();",
        `//# sourceMappingURL=data:application/json;base64,${btoa(JSON.stringify(map))}`,
      ].join("\n");
      const test = startTest(executor, code);
      const [outcome] = await test.run([1]);
      expect((outcome as { failure: FailureData }).failure.stack).toBe("    at thrower (src/stock.ts:11:1)");
      await test.sandbox.kill();
    });

    it("says what was thrown where it is no error", async () => {
      const test = startTest(executor, "export const main = (x) => { throw x }");
      expect(await test.run(["text", { a: 1 }, undefined])).toMatchObject([
        { failure: { kind: "error", message: "text" } },
        { failure: { kind: "error", message: '{"a":1}' } },
        { failure: { kind: "error", message: "undefined" } },
      ]);
      await test.sandbox.kill();
    });

    it("fails a result that cannot be sent", async () => {
      const test = startTest(executor, "export const main = (x) => x === 1 ? () => {} : x");
      expect(await test.run([1, 2])).toMatchObject([{ failure: { kind: "unserializable" } }, { value: 2 }]);
      await test.sandbox.kill();
    });

    it("reportRecordsMax: many results come in several reports", async () => {
      const test = startTest(executor, "export const main = (x) => x");
      const values = Array.from({ length: 3 * limits.reportRecordsMax }, (_, index) => index);
      expect(await test.run(values)).toEqual(values.map((value) => ({ value })));
      expect(test.reports.every((count) => count <= limits.reportRecordsMax)).toBe(true);
      expect(test.reports.length).toBeGreaterThanOrEqual(3);
      await test.sandbox.kill();
    });

    it("sandboxLoadTimeoutMs: gives code up that does not end to load", async () => {
      const impatient = await create({ ...limits, sandboxLoadTimeoutMs: 200 });
      await expect(startTest(impatient, "for (;;);").run([1])).rejects.toThrow(
        "crash: Its code did not load within 200 ms",
      );
      await impatient.close();
    });

    it("sandboxFrameBytesMax: a sandbox that sends more at once is ended", async () => {
      // As a hostile task would, past the bootstrap.
      const code = `export const main = () => {
        const frame = new Uint8Array([255, 255, 255, 255, 17, 0, 0, 0]);
        if (globalThis.Deno !== undefined) Deno.stdout.writeSync(frame);
        else process.getBuiltinModule("node:fs").writeSync(4, frame);
        return new Promise(() => {});
      }`;
      await expect(startTest(executor, code).run([1])).rejects.toThrow(/crash: The task broke the protocol/);
    });

    it("takes and gives values of some megabytes", async () => {
      const test = startTest(executor, "export const main = (x) => x");
      const large = new Uint8Array(5 * MiB).fill(7);
      expect(Buffer.compare((await test.call(large)) as Uint8Array, large)).toBe(0);
      await test.sandbox.kill();
    });

    it("fails the awaited input on an error that nobody caught, and lives on", async () => {
      const code = `export const main = (x) => x === 1
        ? new Promise(() => { setTimeout(() => { throw new Error("stray") }) })
        : x === 2 ? new Promise(() => { Promise.reject(new Error("lost")) }) : x`;
      const test = startTest(executor, code);
      expect(await test.run([1, 2, 3])).toMatchObject([
        { failure: { message: "stray" } },
        { failure: { message: "lost" } },
        { value: 3 },
      ]);
      expect(test.lines.join("\n")).toContain("Uncaught Error: stray");
      await test.sandbox.kill();
    });

    it("sends prints, cut and within their budget", async () => {
      const code = `export const main = (x) => {
        if (x === 0) console.log("hello", { a: 1 });
        if (x === 1) console.error("é".repeat(1000));
        if (x === 2) for (let i = 0; i < 100_000; i++) console.log("flood " + i);
        return x }`;
      const test = startTest(executor, code);
      await test.run([0, 1, 2]);
      expect(test.lines[0]).toMatch(/^hello \{.*a.*1.*\}$/);
      expect(test.lines[1]).toBe("é".repeat(50));
      expect(test.lines.length).toBeLessThan(1_000);
      expect(test.dropped).toBeGreaterThan(90_000);
      await test.sandbox.kill();
    });

    it("progressIntervalMs: reports while an input waits, so that a time-out hits exactly", async () => {
      const code = "export const main = (x) => x === 3 ? new Promise(() => {}) : x";
      const test = startTest(executor, code, { timeoutMs: 300 });
      await expect(test.run([1, 2, 3, 4])).rejects.toThrow("timeout: It took longer than 300 ms");
      expect(test.outcomes).toEqual([{ value: 1 }, { value: 2 }]);
      expect(await test.death).toMatchObject({ kind: "timeout", exact: true });
      expect(test.sandbox.alive).toBe(false);
    });

    it("ends an endless loop; carefully, what came before it is known", async () => {
      const code = "export const main = (x) => { while (x === 3); return x }";
      const test = startTest(executor, code, { timeoutMs: 300 });
      await expect(test.run([1, 2, 3, 4], true)).rejects.toThrow("timeout");
      expect(test.outcomes).toEqual([{ value: 1 }, { value: 2 }]);
    });

    it.skipIf(process.platform === "win32")(
      "stands still while it is frozen, its time with it, and can be ended so",
      async () => {
        const code =
          "export const main = async (x) => { await new Promise((go) => setTimeout(go, 50)); return x }";
        const test = startTest(executor, code, { timeoutMs: 500 });
        expect(await test.call(1)).toBe(1);
        expect(test.sandbox.freeze()).toBe(true);
        const outcome = test.call(2);
        // More than the task's time passes.
        await new Promise((resolve) => setTimeout(resolve, 1_500));
        expect(test.outcomes).toHaveLength(1);
        expect(test.sandbox.alive).toBe(true);
        test.sandbox.thaw();
        expect(await outcome).toBe(2);
        test.sandbox.freeze();
        await test.sandbox.kill();
      },
    );

    it("memoryWatchIntervalMs, sandboxBaseBytes: bounds the heap, and memory outside of it", async () => {
      const heap = startTest(
        executor,
        "export const main = () => { const all = []; for (;;) all.push(new Array(10_000).fill(Math.random())) }",
        { memoryBytes: 64 * MiB },
      );
      const buffers = startTest(
        executor,
        "export const main = async () => { const all = []; for (;;) { all.push(new Uint8Array(8e6).fill(1)); await new Promise((go) => setTimeout(go, 1)) } }",
        { memoryBytes: 64 * MiB },
      );
      for (const test of [heap, buffers]) {
        await expect(test.run([1])).rejects.toThrow("crash: It used more than 64 MB of memory");
      }
    });

    it("says that a process ended by itself", async () => {
      const code = "import process from 'node:process'; export const main = () => process.exit(3)";
      await expect(startTest(executor, code).run([1])).rejects.toThrow(
        "crash: The sandbox ended with status 3",
      );
    });

    fileContract((code, options) => startTest(executor, code, options));
    stageContract((code, options) => startTest(executor, code, options));

    it("is silent after it was killed", async () => {
      const test = startTest(executor, "export const main = (x) => x");
      await test.call(1);
      await test.sandbox.kill();
      expect(test.sandbox.alive).toBe(false);
      test.sandbox.run(packRecords([encodeValue(1)]), 1);
      expect(test.outcomes).toHaveLength(1);
    });
  });
}
