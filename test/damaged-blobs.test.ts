import { expect, test } from "vitest";
import { cidOf } from "../src/data/index.ts";
import { encodeValue } from "../src/protocol/index.ts";
import { flipStoredBlob, storedBlobs } from "./support/stored-blob.ts";
import { double, same } from "./support/tasks.ts";
import { temporaryDirectory, testClient, testHub, testWorker } from "./support/whole-cluster.ts";

/* A flipped bit in what a hub has stored: it ends in a coded error, never in other bytes. */

const large = (letter: string): string => letter.repeat(100_000);
const cidOfValue = (value: unknown): string => cidOf(encodeValue(value));

test("of an input: it fails by itself, and the others of its unit are done", async () => {
  const data = await temporaryDirectory();
  const hub = await testHub({ data });
  const cluster = await testClient(hub);
  const letters = [..."abcdefgh"];
  const job = await cluster.submit(same, letters.map(large));
  await flipStoredBlob(data, cidOfValue(large("c")));
  await flipStoredBlob(data, cidOfValue(large("d")));
  await testWorker(hub);
  const results = [];
  for await (const { index, value, error } of job.results()) results[index] = error ?? String(value)[0];
  expect(results.map((result) => (typeof result === "object" ? result.code : result))).toEqual(
    letters.map((letter) => ("cd".includes(letter) ? "BLOB_MISMATCH" : letter)),
  );
  expect(await job.wait()).toMatchObject({ state: "done", done: 8, failed: 2 });
  // Submitted again, it is stored again.
  expect(await cluster.run(same, large("c"))).toBe(large("c"));
});

test("of a bundle: the job says why it waits; submitted again, the bundle is stored again", async () => {
  const data = await temporaryDirectory();
  const hub = await testHub({ data });
  const cluster = await testClient(hub);
  const job = await cluster.submit(double, [1, 2, 3]);
  const stored = await storedBlobs(data);
  expect(stored).toHaveLength(1);
  const [bundle] = stored;
  await flipStoredBlob(data, bundle!);
  await testWorker(hub);
  await expect.poll(async () => (await job.status()).waiting).toMatch(/\S/);
  expect((await job.status()).done).toBe(0);
  const warnings = async () => (await cluster.call("status", {})).warnings.join("\n");
  expect(await warnings()).toContain(`The stored blob ${bundle} is damaged`);
  await job.cancel();

  const again = await testClient(hub);
  expect(await again.run(double, 21)).toBe(42);
  expect(await warnings()).toBe("");
});

test("of a result: it fails for whoever reads it, and the others are there", async () => {
  const data = await temporaryDirectory();
  const hub = await testHub({ data });
  await testWorker(hub);
  const cluster = await testClient(hub);
  const job = await cluster.submit(same, [large("a"), large("b"), large("c")]);
  await job.wait();
  await flipStoredBlob(data, cidOfValue(large("b")));
  const results = [];
  for await (const { index, value, error } of job.results()) results[index] = error ?? String(value)[0];
  expect(results).toEqual(["a", expect.objectContaining({ code: "BLOB_MISMATCH" }), "c"]);
});
