import { task } from "../../src/client/index.ts";

/* The tasks of a round. What must come of them is worked out anew in answers.ts. */

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export const cheap = task(({ n }: { n: number }) => n * 3 + 1);

export const slow = task(async ({ n }: { n: number }) => {
  await pause(20 + ((n * 37) % 200));
  return { n, square: n * n };
});

/** Takes and gives values that travel as blobs. */
export const large = task(
  ({ n, text }: { n: number; text: string }) => `${text.length}:${"abcdefg".repeat(10_000 + n)}`,
);

export const failing = task(
  async ({ n }: { n: number }) => {
    await pause(n % 4);
    if (n % 7 === 3) throw new RangeError(`no ${n} today`);
    if (n % 11 === 5) throw Object.assign(new TypeError(`${n} is of the wrong sort`), { n });
    return [n, -n];
  },
  { retries: 1, backoff: 20 },
);

/** Fails as often as the site says; how often it was asked is kept there. */
export const flaky = task(
  async ({ n, url }: { n: number; url: string }) => {
    const asked = Number(await (await fetch(`${url}/${n}`)).text());
    if (asked <= n % 3) throw new Error(`asked ${asked} times`);
    return `done ${n}`;
  },
  { retries: 8, backoff: 20 },
);

/** Some inputs eat more memory than they may have. */
export const hungry = task(
  ({ n }: { n: number }) => {
    const eaten: Uint8Array[] = [];
    while (n % 5 === 2) eaten.push(new Uint8Array(8 * 1024 * 1024).fill(1));
    return `${n} had enough`;
  },
  { memory: "48MB", maxAttempts: 2 },
);
