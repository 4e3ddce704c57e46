import { expect, test, vi } from "vitest";
import { defaultLimits } from "../../protocol/index.ts";
import type { Executor, Sandbox, SandboxHandlers, SandboxOrder } from "../executors/index.ts";
import { SandboxPool } from "./sandbox-pool.ts";

/** A pool whose sandboxes do nothing, and the numbers of those that were killed. */
function poolOf(limits: Partial<typeof defaultLimits> = {}) {
  const killed: number[] = [];
  let started = 0;
  const executor = {
    start: () => {
      const number = started++;
      const sandbox = {
        alive: true,
        memoryBytes: 1,
        handlers: {},
        run: () => {},
        thaw: () => {},
        kill: async () => {
          sandbox.alive = false;
          killed.push(number);
        },
      };
      return sandbox as unknown as Sandbox;
    },
  } as unknown as Executor;
  const pool = new SandboxPool(executor, { ...defaultLimits, ...limits });
  const take = (key: string) => pool.take(key, {} as SandboxOrder, {} as SandboxHandlers);
  return { pool, take, killed, started: () => started };
}

test("sandboxesIdleMax: the one that was idle longest is ended, the others are taken again", () => {
  const { pool, take, killed, started } = poolOf({ sandboxesIdleMax: 2 });
  const sandboxes = ["a", "b", "c"].map((key) => [key, take(key)] as const);
  for (const [key, sandbox] of sandboxes) pool.give(key, sandbox);
  expect([killed, pool.memoryBytes]).toEqual([[0], 2]);
  expect([take("b"), take("c")]).toEqual([sandboxes[1]![1], sandboxes[2]![1]]);
  expect(started()).toBe(3);
});

const results = (count: number, stored?: Promise<void>) => ({
  count,
  block: new Uint8Array(count),
  failures: [],
  elapsedMs: 1,
  ...(stored === undefined ? {} : { stored }),
});

const turns = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};

test("sandboxLingerMs: who is done soon with what nobody wants is kept, who is not is ended", async () => {
  vi.useFakeTimers();
  try {
    const { pool, take, killed } = poolOf({ sandboxLingerMs: 100 });
    const [quick, slow, dying] = [take("a"), take("b"), take("c")];
    for (const [key, sandbox] of Object.entries({ a: quick, b: slow, c: dying })) {
      pool.leave(key, sandbox, { left: 3, files: {} as never });
    }
    quick.handlers.onResults(results(1));
    slow.handlers.onResults(results(2));
    dying.handlers.onDeath({ kind: "crash", message: "", exact: true });
    await turns();
    expect(killed).toEqual([2]);
    quick.handlers.onResults(results(2));
    await turns();
    expect(take("a")).toBe(quick);
    vi.advanceTimersByTime(99);
    expect(killed).toEqual([2]);
    vi.advanceTimersByTime(1);
    expect(killed).toEqual([2, 1]);
    slow.handlers.onResults(results(1));
    await turns();
    expect(take("b")).not.toBe(slow);
    expect(killed).toEqual([2, 1]);
  } finally {
    vi.useRealTimers();
  }
});

test("who could not store what it wrote for nobody is not kept", async () => {
  const { pool, take, killed } = poolOf();
  const sandbox = take("a");
  pool.leave("a", sandbox, { left: 1, files: {} as never });
  sandbox.handlers.onResults(results(1, Promise.reject(new Error("no hub"))));
  await turns();
  expect([killed, take("a") === sandbox]).toEqual([[0], false]);
});

test("who is kept is its next taker's alone, whatever is stored late", async () => {
  const { pool, take, killed } = poolOf();
  const sandbox = take("a");
  let store = () => {};
  const late = new Promise<void>((resolve) => {
    store = resolve;
  });
  pool.leave("a", sandbox, { left: 2, files: {} as never });
  sandbox.handlers.onResults(results(1, late));
  sandbox.handlers.onResults(results(1));
  await turns();
  expect(take("a")).not.toBe(sandbox);
  store();
  await turns();
  expect(take("a")).toBe(sandbox);
  expect(take("a")).not.toBe(sandbox);
  expect(killed).toEqual([]);
});

test("who has given all is kept at once", async () => {
  const { pool, take } = poolOf();
  const sandbox = take("a");
  pool.leave("a", sandbox, { left: 0, files: {} as never });
  await turns();
  expect(take("a")).toBe(sandbox);
});

test("sandboxIdleTtlMs: what nobody has taken again is ended, what was taken is not", () => {
  vi.useFakeTimers();
  try {
    const { pool, take, killed } = poolOf({ sandboxIdleTtlMs: 1_000 });
    const [a, b] = [take("a"), take("b")];
    pool.give("a", a);
    vi.advanceTimersByTime(600);
    pool.give("b", b);
    vi.advanceTimersByTime(300);
    expect(take("a")).toBe(a);
    vi.advanceTimersByTime(600);
    expect(killed).toEqual([]);
    vi.advanceTimersByTime(200);
    expect([killed, pool.memoryBytes]).toEqual([[1], 1]);
  } finally {
    vi.useRealTimers();
  }
});
