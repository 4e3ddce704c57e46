import { checkpoint, restored, task } from "../../src/client/index.ts";

/* Tasks that the whole-cluster tests send to real sandboxes. */

export const double = task((n: number) => n * 2);

/** Its answers differ a little each time, as those of different processors do. */
export const wobble = task((n: number) => n + Math.random() * 1e-9, {
  same: (a, b) => Math.abs(a - b) < 1e-6,
});

export const same = task((value: unknown) => value);

export const sizeOf = task((bytes: Uint8Array) => bytes.length);

/** Computes for so many milliseconds of the clock. */
export const toil = task((ms: number) => {
  const end = Date.now() + ms;
  while (Date.now() < end);
  return ms;
});

export const nap = task(async (ms: number) => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return ms;
});

class SoldOut extends Error {
  override readonly name = "SoldOut";
  readonly left = 0;
}

export const failOnThree = task((n: number) => {
  if (n % 10 === 3) throw new SoldOut(`no ${n} left`);
  return n;
});

/** Asks a web site, which says how often it was asked; fails until it was asked three times. */
export const thirdTime = task(
  async (url: string) => {
    const asked = Number(await (await fetch(url)).text());
    if (asked < 3) throw new Error(`asked ${asked} times`);
    return asked;
  },
  { retries: 5, backoff: 10 },
);

export const spin = task(
  (n: number) => {
    while (n === 1);
    return n;
  },
  { timeout: 300 },
);

export const eatMemory = task(
  (n: number) => {
    const eaten: Uint8Array[] = [];
    while (n === 1) eaten.push(new Uint8Array(8 * 1024 * 1024).fill(1));
    return n;
  },
  { memory: "64MB", maxAttempts: 2 },
);

export const talk = task((n: number) => {
  console.log(`speaking of ${n}`);
  return n;
});

export const noData = task((n: number) => (n === 1 ? () => n : n));

export const readSecret = task(async (path: string) => {
  const { readFile } = await import("node:fs/promises");
  return await readFile(path, "utf8");
});

/** Tells the site that it runs, and stays until it is killed or was told to end. */
export const visit = task(async ({ url, ms }: { url: string; ms: number }) => {
  await fetch(url);
  await new Promise((resolve) => setTimeout(resolve, ms));
  return url;
});

/**
 * Tells the site at which step it begins, goes step by step, and never comes to an end before `steps`.
 * The state that it saves has some ballast.
 */
export const longWay = task(
  async ({ url, steps, ballast }: { url: string; steps: number; ballast: number }) => {
    const from = restored<{ step: number }>()?.step ?? 0;
    await fetch(`${url}/from/${from}`);
    for (let step = from + 1; step <= steps; step++) {
      checkpoint({ step, ballast: "b".repeat(ballast) });
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return from;
  },
);

/** Hangs at its first attempt, once it has saved how far it came. */
export const hangsOnce = task(
  async (n: number) => {
    const before = restored<number[]>();
    if (before !== undefined) return [...before, n];
    checkpoint([n, n + 1]);
    return new Promise<number[]>(() => {});
  },
  { timeout: 400, retries: 1, backoff: 1 },
);

/** Gives a value of so many bytes, and says how many it was given. */
export const resize = task(({ text, bytes }: { text: string; bytes: number }) => ({
  given: text.length,
  text: "r".repeat(bytes),
}));

/** Naps, and throws on some inputs; given the same input it always does the same. */
export const fickle = task(
  async (n: number) => {
    await new Promise((resolve) => setTimeout(resolve, n % 5));
    if (n % 17 === 0) throw new RangeError(`${n} is one of those`);
    return n % 11 === 0 ? "x".repeat(70_000 + n) : -n;
  },
  { retries: 1, backoff: 5 },
);

/** A text of so many characters, which are stored as a blob where they are many. */
export const large = task((length: number) => "x".repeat(length));
