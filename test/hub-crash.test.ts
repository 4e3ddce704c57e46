import { setTimeout as pause } from "node:timers/promises";
import { expect, test } from "vitest";
import { MortalHub } from "./support/mortal-hub.ts";
import { testRelay } from "./support/relay.ts";
import { double, nap, same, visit } from "./support/tasks.ts";
import { testSite } from "./support/whole-cluster.ts";

/* A hub's process dies without a word and comes back on the same data and address. */

/** What was leased before is held back for less than is usual. */
const impatient = { adoptionWindowMs: 500 };

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index);

test("a detached job goes on, and its results are all there, once", async () => {
  const hub = await MortalHub.start(impatient);
  await Promise.all([hub.worker(), hub.worker()]);
  const submitter = await hub.client();
  const inputs = upTo(1_000).map((n) => n % 4);
  const { id } = await submitter.submit(nap, inputs);
  await submitter.close();
  for (const done of [200, 500]) {
    const looker = await hub.client();
    await expect.poll(async () => (await looker.job(id).status()).done).toBeGreaterThan(done);
    await looker.close();
    await hub.kill();
    await hub.revive();
  }
  const reader = await hub.client();
  const values = [];
  for await (const result of reader.job(id).results({ ordered: true })) {
    expect(result.index).toBe(values.length);
    values.push(result.value);
  }
  expect(values).toEqual(inputs);
  expect(await reader.job(id).status()).toMatchObject({ state: "done", done: 1_000, failed: 0, running: 0 });
});

test("inputs that were on their way in come in once", async () => {
  const COUNT = 24_000;
  const hub = await MortalHub.start(impatient);
  await hub.worker();
  const cluster = await hub.client();
  let dying: Promise<void> | undefined;
  async function* inputs() {
    for (let n = 0; n < COUNT; n++) {
      if (n % 8_000 === 4_000) {
        await dying;
        dying = hub.kill().then(() => hub.revive());
      }
      yield n;
    }
  }
  const job = await cluster.submit(double, inputs());
  await dying;
  expect(await job.wait()).toMatchObject({ state: "done", size: COUNT, done: COUNT, failed: 0 });
  let seen = 0;
  let sum = 0;
  for await (const result of job.results()) {
    seen++;
    sum += result.value ?? Number.NaN;
  }
  expect([seen, sum]).toEqual([COUNT, COUNT * (COUNT - 1)]);
});

test("large values of a map survive, and what a worker was doing is not done again", async () => {
  const site = await testSite();
  const hub = await MortalHub.start();
  await hub.worker({ allowNet: [site.host] });
  const cluster = await hub.client();
  const visits = upTo(8).map((n) => ({ url: `${site.url}/${n}`, ms: n === 2 ? 2_000 : 5 }));
  const visited = cluster.map(visit, visits, { net: [site.host] }).toArray();
  await site.reached(3);
  const large = cluster.map(
    same,
    upTo(20).map((n) => "x".repeat(100_000 + n)),
    { ordered: true },
  );
  await hub.kill();
  await hub.revive();
  expect((await visited).every((result) => result.ok)).toBe(true);
  expect(site.asked.toSorted()).toEqual(upTo(8).map((n) => `/${n}`));
  const lengths = [];
  for await (const result of large) lengths.push(String(result.value).length);
  expect(lengths).toEqual(upTo(20).map((n) => 100_000 + n));
});

test("an attached job whose client does not come back is given up, a detached one is not", async () => {
  const hub = await MortalHub.start({ attachedGraceMs: 300 });
  await hub.worker({ slots: 2 });
  const relay = await testRelay(hub.place.url);
  const vanishing = await hub.client(relay.through(hub.place.submitter));
  const map = vanishing.map(nap, [1, 60_000])[Symbol.asyncIterator]();
  await map.next();
  const [attached] = await vanishing.jobs();
  const detached = await vanishing.submit(nap, [60_000]);
  relay.close();
  await hub.kill();
  await hub.revive();
  const other = await hub.client();
  await expect.poll(async () => (await other.job(attached!.job).status()).state).toBe("cancelled");
  expect((await other.job(attached!.job).status()).reason).toMatch(/client/);
  expect((await other.job(detached.id).status()).state).toBe("running");
  await other.job(detached.id).cancel();
});

test("it may die at any moment, again and again, and a map is none the worse", async () => {
  const hub = await MortalHub.start(impatient);
  await Promise.all([hub.worker(), hub.worker()]);
  const cluster = await hub.client();
  const seen = new Uint8Array(2_500);
  let ended = false;
  const mapping = (async () => {
    for await (const result of cluster.map(
      nap,
      upTo(seen.length).map((n) => n % 3),
    )) {
      expect(result.ok && result.value).toBe(result.index % 3);
      seen[result.index]!++;
    }
    ended = true;
  })();
  let deaths = 0;
  while (!ended && deaths < 4) {
    await Promise.race([mapping, pause(600 * Math.random())]);
    await hub.kill();
    deaths++;
    await hub.revive();
  }
  await mapping;
  expect(seen.every((times) => times === 1)).toBe(true);
  expect(deaths).toBeGreaterThan(1);
});
