import { expect, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import { newTabCache } from "./tab-cache.ts";

test("tabCacheBytesMax: a tab forgets the blobs that it used longest ago", async () => {
  const cache = newTabCache({ tabCacheBytesMax: 25 });
  const blobs = [1, 2, 3].map((fill) => new Uint8Array(10).fill(fill));
  for (const blob of blobs) await cache.put(cidOf(blob), blob);
  expect(blobs.map((blob) => cache.has(cidOf(blob)))).toEqual([false, true, true]);
});
