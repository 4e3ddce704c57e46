import { describe, expect, expectTypeOf, test } from "vitest";
import { defaultLimits, parseDuration, parseSize } from "../../protocol/index.ts";
import type { Cluster } from "../cluster.ts";
import { resolveOptions, type TaskOptions } from "../options.ts";
import type { LoadedTask } from "./loaded.ts";
import { task, taskInfo } from "./task.ts";

test("a task is an ordinary function with a note", () => {
  const add = task((n: number) => n + 1, { retries: 2, name: "plus" });
  expect(add(1)).toBe(2);
  expect(add.name).toBe("plus");
  expect(add.length).toBe(1);
  const info = taskInfo(add);
  expect(info?.options).toEqual({ retries: 2, name: "plus" });
  expect(info?.site?.script).toMatch(/task\.test\.ts$/);
  const next = task(() => 1);
  expect(taskInfo(next)?.site?.ordinal).toBe(info!.site!.ordinal + 1);
  expect(taskInfo(() => 1)).toBeUndefined();
});

test("a task keeps its `this`", () => {
  const counter = {
    n: 3,
    get: task(function (this: { n: number }) {
      return this.n;
    } as () => number),
  };
  expect(counter.get()).toBe(3);
});

test("taskTimeoutMaxMs, taskRetriesMax and retryBackoffMaxMs: options that make no sense are refused where they are written", () => {
  const fn = (n: number) => n;
  const wrong: [object, RegExp][] = [
    [{ retry: 3 }, /no option "retry"/],
    [{ timeout: "30 sec" }, /timeout/],
    [{ timeout: 0 }, /timeout/],
    [{ timeout: "31d" }, /taskTimeoutMaxMs/],
    [{ memory: "lots" }, /memory/],
    [{ retries: -1 }, /retries/],
    [{ retries: 101 }, /retries/],
    [{ backoff: "6m" }, /retryBackoffMaxMs/],
    [{ retries: 1.5 }, /retries/],
    [{ priority: 9 }, /priority/],
    [{ net: "example.org" }, /net/],
    [{ needs: { cores: 0 } }, /needs\.cores/],
  ];
  for (const [options, message] of wrong) {
    expect(() => task(fn, options), JSON.stringify(options)).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT", message: expect.stringMatching(message) }),
    );
  }
  expect(() => task("code" as never)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
});

test("taskTimeoutMs, taskMemoryBytes, taskRetries, retryBackoffMs and taskMaxAttempts: are what a task gets that says nothing", () => {
  const limits = {
    taskTimeoutMs: 1,
    taskMemoryBytes: 2,
    taskRetries: 3,
    retryBackoffMs: 4,
    taskMaxAttempts: 5,
  };
  expect(resolveOptions({}, { ...defaultLimits, ...limits })).toMatchObject({
    timeoutMs: 1,
    memoryBytes: 2,
    job: { retries: 3, backoffMs: 4, maxAttempts: 5 },
  });
});

test("options are filled in from the limits", () => {
  expect(
    resolveOptions({ timeout: "30s", memory: "1GB", needs: { memory: "2GiB", labels: ["gpu"] } }),
  ).toEqual({
    net: [],
    timeoutMs: 30_000,
    memoryBytes: 2 ** 30,
    job: {
      retries: 0,
      backoffMs: 500,
      maxAttempts: 3,
      priority: 0,
      needs: { memoryBytes: 2 ** 31, labels: ["gpu"] },
    },
  });
});

test("needs.webgpu and needs.wasm are capabilities, each once", () => {
  const needsOf = (needs: TaskOptions["needs"]) => resolveOptions({ ...(needs && { needs }) }).job.needs;
  expect(needsOf({ webgpu: true, wasm: true, capabilities: ["wasm", "node"] })).toEqual({
    capabilities: ["wasm", "node", "webgpu"],
  });
  expect(needsOf({ webgpu: false })).toEqual({});
  expect(() => needsOf({ wasm: "yes" as never })).toThrow(/needs\.wasm/);
});

test("durations and sizes", () => {
  const durations: [unknown, number][] = [
    ["500ms", 500],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
    [250, 250],
  ];
  for (const [text, ms] of durations) expect(parseDuration("t", text)).toBe(ms);
  const sizes: [unknown, number][] = [
    ["10B", 10],
    ["1kb", 1024],
    ["512MB", 2 ** 29],
    ["1.5GiB", 1.5 * 2 ** 30],
    [7, 7],
  ];
  for (const [text, bytes] of sizes) expect(parseSize("s", text)).toBe(bytes);
  for (const text of ["", "s", "-1s", "1y", "1 2s", null, Number.NaN, -1, "Infinitys", "1__proto__"]) {
    expect(() => parseDuration("t", text)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
    expect(() => parseSize("s", text)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
  }
});

describe("types", () => {
  const length = task(async (text: string) => text.length);
  const now = task(() => new Date(0));
  const optional = task((n?: number) => n ?? 0);
  const cluster = undefined as unknown as Cluster;

  test("flow from the function to the results", () => {
    expectTypeOf(length).toBeCallableWith("a");
    expectTypeOf(length).returns.resolves.toEqualTypeOf<number>();
    const checks = (loaded: LoadedTask) => {
      expectTypeOf(cluster.run(length, "a")).resolves.toEqualTypeOf<number>();
      expectTypeOf(cluster.run(now)).resolves.toEqualTypeOf<Date>();
      expectTypeOf(cluster.run(optional)).resolves.toEqualTypeOf<number>();
      expectTypeOf(cluster.run(loaded, 5)).resolves.toEqualTypeOf<unknown>();
      expectTypeOf(cluster.map(length, ["a"]).values()).toExtend<AsyncIterable<number>>();
      expectTypeOf(cluster.submit(length, new Set(["a"])))
        .resolves.toHaveProperty("id")
        .toEqualTypeOf<string>();
      // @ts-expect-error the task takes text
      void cluster.run(length, 5);
      // @ts-expect-error the task needs an input
      void cluster.run(length);
      // @ts-expect-error the inputs are not text
      cluster.map(length, [5]);
      // @ts-expect-error a plain function's code cannot be found
      cluster.map((n: number) => n, [5]);
      // @ts-expect-error a task takes one input
      task((a: number, b: number) => a + b);
    };
    expect(checks).toBeTypeOf("function");
  });

  test("a result is a value or an error", () => {
    const check = async () => {
      for await (const { input, value, error } of cluster.map(length, ["a"])) {
        expectTypeOf(input).toEqualTypeOf<string>();
        expectTypeOf(value).toEqualTypeOf<number | undefined>();
        expectTypeOf(error).toExtend<Error | undefined>();
      }
      for await (const result of cluster.map(length, ["a"])) {
        if (result.ok) expectTypeOf(result.value).toEqualTypeOf<number>();
        else expectTypeOf(result.error.message).toEqualTypeOf<string>();
      }
    };
    expect(check).toBeTypeOf("function");
  });
});
