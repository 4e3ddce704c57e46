import { expect, test } from "vitest";
import { Turnstile } from "./turnstile.ts";

test("no more are inside than are allowed, and who waits goes in as they came", async () => {
  const turnstile = new Turnstile(2);
  const order: number[] = [];
  const leave: (() => void)[] = [];
  const all = [0, 1, 2, 3, 4].map((who) =>
    turnstile.pass(() => {
      order.push(who);
      return new Promise<void>((resolve) => leave.push(resolve));
    }),
  );
  const settled = Promise.all(all);
  for (let gone = 0; gone < 5; gone++) {
    // Nobody else would be in by then, either.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    expect(order).toEqual([0, 1, 2, 3, 4].slice(0, gone + 2));
    leave[gone]!();
    await all[gone];
  }
  await settled;
});

test("who fails makes room, and who gives up waiting takes none", async () => {
  const turnstile = new Turnstile(1);
  let fail!: (error: Error) => void;
  const first = turnstile.pass(() => new Promise<never>((_resolve, reject) => (fail = reject)));
  const abort = new AbortController();
  const second = turnstile.pass(async () => "never", abort.signal);
  const third = turnstile.pass(async () => "third");
  abort.abort(new Error("enough"));
  await expect(second).rejects.toThrow("enough");
  await expect(turnstile.pass(async () => 0, abort.signal)).rejects.toThrow("enough");
  fail(new Error("broken"));
  await expect(first).rejects.toThrow("broken");
  expect(await third).toBe("third");
  expect(await turnstile.pass(async () => "fourth")).toBe("fourth");
});
