import { task } from "../../src/client/index.ts";

/* Tasks that behave badly, each on input 1 only. */

export const leave = task(
  (n: number) => {
    if (n === 1) process.exit(0);
    return n;
  },
  { maxAttempts: 2 },
);

export const neverSettle = task((n: number) => (n === 1 ? new Promise<number>(() => {}) : n), {
  timeout: 300,
});

export const recurse = task((n: number): number => (n === 1 ? 1 + recurse.call(undefined, n) : n));

export const throwText = task((n: number) => {
  if (n === 1) throw "just text";
  return n;
});

export const throwNothing = task((n: number) => {
  if (n === 1) throw undefined;
  return n;
});

export const rejectElsewhere = task(async (n: number) => {
  if (n === 1) void Promise.reject(new Error("nobody caught this"));
  await new Promise((resolve) => setTimeout(resolve, 5));
  return n;
});

export const strangeError = task((n: number) => {
  if (n === 1) {
    throw Object.defineProperties(new Error("strange"), {
      stack: {
        get() {
          throw new Error("no stack for you");
        },
      },
      name: { value: { toString: null } },
    });
  }
  return n;
});

export const hugeError = task((n: number) => {
  if (n === 1) throw Object.assign(new Error("m".repeat(3_000_000)), { more: "p".repeat(3_000_000) });
  return n;
});

export const trapResult = task((n: number) =>
  n === 1
    ? (new Proxy(
        {},
        {
          ownKeys() {
            throw new Error("a trap");
          },
        },
      ) as unknown)
    : n,
);

export const circle = task((n: number) => {
  const ring: Record<string, unknown> = { n };
  if (n === 1) ring.self = ring;
  return ring;
});

export const textOf = task((length: number) => "x".repeat(length));

export const spoil = task((n: number) => {
  if (n === 1) {
    Array.prototype.push = () => {
      throw new Error("spoilt");
    };
    Object.prototype.toString = () => "spoilt";
    globalThis.Promise = undefined as never;
    globalThis.Uint8Array = undefined as never;
    globalThis.setTimeout = undefined as never;
    JSON.stringify = () => "spoilt";
    Map.prototype.get = () => undefined;
  }
  return n;
});

export const flood = task((n: number) => {
  for (let line = 0; n === 1 && line < 200_000; line++) console.log(`line ${line} ${"x".repeat(100)}`);
  return n;
});

export const thenable = task((n: number) =>
  n === 1
    ? ({
        // biome-ignore lint/suspicious/noThenProperty: that is what is tested
        then() {
          throw new Error("no then");
        },
      } as unknown)
    : n,
);

/** Prints as long as it is let; leaves the event loop its turn now and then, so that it can be cancelled. */
export const chatter = task(async (_: number) => {
  for (let line = 0; ; line++) {
    console.log(`line ${line} ${"y".repeat(100)}`);
    if (line % 1_000 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
});
