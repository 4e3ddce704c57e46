import { expect, test } from "vitest";
import type { Executor, Sandbox, SandboxOrder } from "./executors/index.ts";
import { SandboxPool } from "./sandbox-pool.ts";

test("sandboxesIdleMax: the one that was idle longest is ended, the others are taken again", () => {
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
  const pool = new SandboxPool(executor, 2);
  const take = (key: string) => pool.take(key, {} as SandboxOrder, {} as never);
  const sandboxes = ["a", "b", "c"].map((key) => [key, take(key)] as const);
  for (const [key, sandbox] of sandboxes) pool.give(key, sandbox);
  expect([killed, pool.memoryBytes]).toEqual([[0], 2]);
  expect([take("b"), take("c")]).toEqual([sandboxes[1]![1], sandboxes[2]![1]]);
  expect(started).toBe(3);
});
