import { expect, test, vi } from "vitest";
import type { Cluster } from "../src/client/index.ts";
import { CLIENT_GONE } from "../src/protocol/index.ts";
import { testClient, testCluster, testWorker } from "./support/whole-cluster.ts";

/* Iterations through real sandboxes. */

// Many processes one after the other, on a machine that may be very busy.
vi.setConfig({ testTimeout: 300_000 });

test("k-means finds its centres, the same as here", async () => {
  const { cluster } = await testCluster([{}, {}]);
  const points = Array.from({ length: 300 }, (_, at) => [
    (at % 3) * 10 + (at % 7) / 7,
    (at % 3) * -5 + (at % 5) / 5,
  ]);
  const shards = [points.slice(0, 100), points.slice(100, 150), points.slice(150)];
  type Sums = { sum: number[]; count: number }[];
  const map = (shard: number[][], centres: number[][]): Sums => {
    const sums = centres.map(() => ({ sum: [0, 0], count: 0 }));
    for (const [x = 0, y = 0] of shard) {
      const distances = centres.map(([a = 0, b = 0]) => (a - x) ** 2 + (b - y) ** 2);
      const nearest = sums[distances.indexOf(Math.min(...distances))]!;
      nearest.sum = [nearest.sum[0]! + x, nearest.sum[1]! + y];
      nearest.count++;
    }
    return sums;
  };
  const reduce = (partials: Sums[], centres: number[][]) =>
    centres.map((centre, at) => {
      const count = partials.reduce((all, sums) => all + sums[at]!.count, 0);
      if (count === 0) return centre;
      return [0, 1].map((axis) => partials.reduce((all, sums) => all + sums[at]!.sum[axis]!, 0) / count);
    });
  const initial = points.slice(0, 3);
  const seen: number[] = [];
  const { value, rounds, converged } = await cluster.iterate({
    initial,
    shards,
    map,
    reduce,
    until: (next, previous, round) => {
      seen.push(round);
      return JSON.stringify(next) === JSON.stringify(previous);
    },
  });
  let here = initial;
  for (let round = 0; round < rounds; round++)
    here = reduce(
      shards.map((shard) => map(shard, here)),
      here,
    );
  expect(value).toEqual(here);
  expect(converged).toBe(true);
  expect(seen).toEqual(Array.from({ length: rounds }, (_, at) => at + 1));
  expect(value.map(([x]) => Math.round(x!)).sort((a, b) => a - b)).toEqual([0, 10, 20]);
});

test("large shards and values are sent once, and are what they were", async () => {
  const { cluster } = await testCluster();
  const shards = Array.from({ length: 4 }, (_, at) => new Float64Array(20_000).fill(at + 1));
  const before = (await cluster.status()).blobBytesSent;
  const { value, rounds, converged } = await cluster.iterate({
    initial: { weights: new Float64Array(30_000).fill(1), total: 0 },
    shards,
    map: (shard, { weights, total }) => shard.reduce((sum, each) => sum + each, 0) * weights[7]! + total * 0,
    reduce: (partials, { weights }) => ({
      weights: weights.map((each) => each / 2),
      total: partials.reduce((sum, each) => sum + each, 0),
    }),
    rounds: 5,
  });
  expect([rounds, converged]).toEqual([5, false]);
  expect(value.total).toBe(200_000 / 2 ** 4);
  // Each shard once, and each round's value once.
  expect((await cluster.status()).blobBytesSent - before).toBeLessThan(4 * 165_000 + 5 * 245_000 + 100_000);
});

test("PageRank over the lines of a dataset, and gradient descent, as their users write them", async () => {
  const { cluster } = await testCluster([{}, {}]);
  const links = ["a b c", "b c", "c a", "d c"];
  const file = (path: string, lines: string[]) => ({
    path,
    content: new TextEncoder().encode(lines.join("\n")),
  });
  const web = await cluster.put({
    files: [file("1.txt", links.slice(0, 2)), file("2.txt", links.slice(2))],
  });
  type Ranks = Record<string, number>;
  const flow = (line: string, ranks: Ranks, sent: Ranks) => {
    const [page = "", ...targets] = line.split(" ");
    for (const target of targets) sent[target] = (sent[target] ?? 0) + ranks[page]! / targets.length;
  };
  const reduce = (partials: Ranks[], ranks: Ranks): Ranks =>
    Object.fromEntries(
      Object.keys(ranks).map((page) => {
        const received = partials.reduce((sum, sent) => sum + (sent[page] ?? 0), 0);
        return [page, 0.15 / 4 + 0.85 * received];
      }),
    );
  const initial: Ranks = { a: 0.25, b: 0.25, c: 0.25, d: 0.25 };
  const ranked = await cluster.iterate({
    initial,
    shards: web,
    map: async (pages, ranks) => {
      const sent: Ranks = {};
      for await (const line of pages.lines()) flow(line, ranks, sent);
      return sent;
    },
    reduce,
    until: (next, previous) =>
      Object.keys(next).every((page) => Math.abs(next[page]! - previous[page]!) < 0.05),
    with: { flow },
  });
  let here = initial;
  for (let round = 0; round < ranked.rounds; round++) {
    const partials = [links.slice(0, 2), links.slice(2)].map((lines) => {
      const sent: Ranks = {};
      for (const line of lines) flow(line, here, sent);
      return sent;
    });
    here = reduce(partials, here);
  }
  expect(ranked).toMatchObject({ value: here, converged: true });
  expect(ranked.value.c).toBeGreaterThan(ranked.value.d!);

  const points = Array.from({ length: 40 }, (_, at) => [at / 19.5 - 1, 3 * (at / 19.5 - 1) + 1] as const);
  const line = await cluster.iterate({
    initial: { slope: 0, height: 0 },
    shards: [points.slice(0, 20), points.slice(20)],
    map: (part, { slope, height }) => {
      let [bySlope, byHeight] = [0, 0];
      for (const [x, y] of part) {
        const error = slope * x + height - y;
        bySlope += error * x;
        byHeight += error;
      }
      return { bySlope, byHeight };
    },
    reduce: (parts, { slope, height }) => ({
      slope: slope - parts.reduce((sum, { bySlope }) => sum + bySlope, 0) / 40,
      height: height - parts.reduce((sum, { byHeight }) => sum + byHeight, 0) / 40,
    }),
    rounds: 12,
  });
  expect(line).toMatchObject({ rounds: 12, converged: false });
  expect(Math.abs(line.value.slope - 3)).toBeLessThan(0.1);
  expect(Math.abs(line.value.height - 1)).toBeLessThan(0.1);
});

test("with a checkpoint the same call goes on where an earlier program was; what another iteration left is refused", async () => {
  const { hub, cluster } = await testCluster([{}, {}]);
  const seen: number[] = [];
  // The value is large, and holds a file.
  const note = await cluster.put(new TextEncoder().encode("a note"));
  const call = (on: Cluster, extra: object = {}) =>
    on.iterate({
      initial: { total: 0, pad: new Float64Array(20_000), note },
      shards: [1, 2, 3],
      map: (shard, { total, pad }) => shard * 100 + total + pad.length * 0,
      reduce: (partials, value, round) => {
        seen.push(round);
        return { ...value, total: partials.reduce((sum, each) => sum + each, 0) };
      },
      rounds: 6,
      checkpoint: "totals",
      ...extra,
    });
  const lidCloses = async (_partials: number[], _value: unknown, round: number) => {
    seen.push(round);
    throw new Error("the lid closes");
  };
  await expect(call(cluster, { rounds: 2 })).resolves.toMatchObject({ rounds: 2, converged: false });
  await expect(call(cluster, { reduce: lidCloses })).rejects.toThrow("the lid closes");
  expect(seen).toEqual([1, 2, 3]);
  const later = await testClient(hub);
  const until = ({ total }: { total: number }) => total > 10_000;
  const { value, rounds, converged } = await call(later, { until });
  let here = 0;
  for (let round = 1; round <= 4; round++) here = 600 + 3 * here;
  expect([value.total, rounds, converged, seen]).toEqual([here, 4, true, [1, 2, 3, 3, 4]]);
  expect(await value.note.text()).toBe("a note");
  // It has ended: nothing runs any more.
  expect(await call(later)).toMatchObject({ rounds: 4, converged: true, value: { total: here } });
  expect(seen).toHaveLength(5);
  await cluster.put({ files: [{ path: "a.txt", content: new Uint8Array(3) }] }, { name: "text" });
  for (const other of [{ shards: [1, 2] }, { checkpoint: "text" }, { map: (shard: number) => shard }]) {
    await expect(call(later, other)).rejects.toMatchObject({
      code: "DATASET_EXISTS",
      hint: expect.stringContaining("musketeers rm"),
    });
  }
  await cluster.removeDataset("totals");
  expect(await call(later, { rounds: 1 })).toMatchObject({ rounds: 1, value: { total: 600 } });
});

test("a round that the hub gave up while this machine slept begins again; one that somebody cancelled is the end", async () => {
  const { hub, cluster } = await testCluster([]);
  const iterate = () =>
    cluster.iterate({
      initial: 1,
      shards: [2, 3],
      map: (shard, value) => shard * value,
      reduce: (partials) => partials.reduce((sum, each) => sum + each, 0),
      rounds: 2,
    });
  const cancelled = async (reason: string) => {
    const { jobs, control } = hub.coordinator;
    const running = () => [...jobs].find(({ state }) => state === "running");
    await expect.poll(running, { timeout: 60_000 }).toBeDefined();
    const { job } = running()!.spec;
    control.cancel(job, reason);
    return job;
  };
  const [stopped] = await Promise.allSettled([iterate(), cancelled("its client is tired")]);
  expect(stopped).toMatchObject({ status: "rejected", reason: { code: "JOB_CANCELLED" } });
  const slept = iterate();
  const first = await cancelled(CLIENT_GONE);
  const second = await cancelled(CLIENT_GONE);
  expect(second).not.toBe(first);
  await testWorker(hub);
  expect(await slept).toEqual({ value: 25, rounds: 2, converged: false });
});

test("what is wrong is said", async () => {
  const { cluster } = await testCluster();
  const outside = 5;
  const base = { initial: 0, shards: [1, 2], reduce: (partials: number[]) => partials[0]! };
  await expect(cluster.iterate({ ...base, map: (shard) => shard + outside })).rejects.toMatchObject({
    code: "TASK_UNKNOWN",
    hint: expect.stringContaining("with: { outside }"),
  });
  const throwing = (shard: number): number => {
    throw new RangeError(`no ${shard}`);
  };
  await expect(cluster.iterate({ ...base, map: throwing })).rejects.toMatchObject({ name: "RangeError" });
  for (const wrong of [
    { rounds: 0 },
    { checkpoint: "no name/" },
    { map: 5 },
    { nonsense: 1 },
    { shards: 5 },
  ]) {
    const run = cluster.iterate({ ...base, map: (shard: number) => shard, ...(wrong as object) });
    await expect(run).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  }
  const own = { ...base, map: (shard: number) => shard, with: {} };
  const failing = () => {
    throw new Error("mine");
  };
  await expect(cluster.iterate({ ...own, reduce: failing })).rejects.toThrow("mine");
  await expect(cluster.iterate({ ...own, signal: AbortSignal.abort(new Error("late")) })).rejects.toThrow(
    "late",
  );
});
