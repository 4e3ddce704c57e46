import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";
import { jobView, mapStageId, recoverRecord } from "../index.ts";

const quorum = { agree: 2, of: 3, adaptive: false, deterministic: false };
const limits = { provenStreakMin: 3, unitInputsMax: 1, prefetchUnitsMax: 0, adoptionWindowMs: 0 };

/** One segment and one partition, of people who are proven. */
function shuffle(changes: Partial<typeof quorum> = {}): ScheduledCluster {
  const cluster = new ScheduledCluster(limits);
  for (const person of ["ada", "bob"]) {
    const record = { type: "person", person, streak: 3, valid: 3, bad: 0 } as const;
    cluster.people.set(person, record);
    recoverRecord(cluster.state, record);
  }
  return cluster.job("job", 1, { partitions: 1, quorum: { ...quorum, ...changes } });
}

/** Everybody, one after the other, gives this for what he is leased. */
function answer(cluster: ScheduledCluster, text: string, people = ["ada", "bob"]): void {
  for (const person of people) {
    cluster.worker(person);
    cluster.report(person, { answers: () => text }).lose(person, "left");
  }
}

const partition = (cluster: ScheduledCluster) => cluster.results.get("job")?.get(0);

test("a partition is leased when its rows are believed, and believed when people agree on it", () => {
  const cluster = shuffle();
  answer(cluster, "row", ["ada"]);
  expect(jobView(cluster.state, "job")).toMatchObject({
    trust: { replicas: 1, undecided: 1 },
    stages: [
      { kind: "map", done: 0, running: 0 },
      { kind: "reduce", done: 0, running: 0 },
    ],
  });
  expect(cluster.worker("ada").inputsOf("ada")).toEqual([]);
  cluster.lose("ada", "left");
  answer(cluster, "row", ["bob"]);
  expect(cluster.results.get(mapStageId("job"))?.get(0)).toBe("row");
  answer(cluster, "part");
  expect(partition(cluster)).toBe("part");
  const trust = { replicas: 4, undecided: 0, provisional: 0, rerun: 0 };
  expect(cluster.ended.get("job")).toMatchObject({ state: "done", trust });
});

test("whoever gave a row alone is checked before anything is made of it", () => {
  const cluster = shuffle({ adaptive: true });
  answer(cluster, "row", ["ada"]);
  expect(cluster.worker("ada").inputsOf("ada")).toEqual([]);
  cluster.lose("ada", "left");
  answer(cluster, "row", ["bob"]);
  expect(cluster.worker("ada").leasesOf("ada")).toMatchObject([{ job: "job" }]);
});

test("what was voted on before outputs were lost is not compared with what is made of others", () => {
  const cluster = shuffle();
  answer(cluster, "row");
  answer(cluster, "part of row", ["ada"]);
  cluster.loseOutputs("job", [[0, 1]]);
  answer(cluster, "other row");
  answer(cluster, "part of other row");
  expect(partition(cluster)).toBe("part of other row");
  for (const { bad } of cluster.people.values()) expect(bad).toBe(0);
});

test("a reduce that runs when outputs are lost is taken back, and counts for nothing when it comes late", () => {
  const cluster = shuffle();
  answer(cluster, "row");
  cluster.worker("ada");
  const [before] = cluster.leasesOf("ada");
  cluster.loseOutputs("job", [[0, 1]]);
  expect(cluster.leases.has(before!.no)).toBe(false);
  cluster.lose("ada", "left");
  answer(cluster, "other row");
  cluster.worker("ada").late("ada", before!, 0, () => "part of row");
  expect(cluster.effectsOf("KeepCandidates")).toEqual([]);
  cluster.lose("ada", "left");
  answer(cluster, "part of other row");
  expect(partition(cluster)).toBe("part of other row");
  for (const { bad } of cluster.people.values()) expect(bad).toBe(0);
});

test("after a restart nobody goes on with a reduce, since nobody knows what was lost before it", () => {
  const cluster = shuffle();
  answer(cluster, "row");
  cluster.worker("ada");
  const [{ descriptor } = { descriptor: undefined }] = cluster.leasesOf("ada");
  cluster.restart().present("ada", [{ descriptor: descriptor!, from: 0 }]);
  expect(cluster.effectsOf("RefuseLease")).toHaveLength(1);
});

test("people who do not agree on a segment end the job, which names it", () => {
  const cluster = shuffle({ of: 2 });
  answer(cluster, "row", ["ada"]);
  answer(cluster, "other row", ["bob"]);
  expect(cluster.ended.get("job")).toMatchObject({ state: "broken", culprit: 0 });
  expect(cluster.state.jobs.size).toBe(0);
});

test("a newcomer whose partitions cannot be sent now takes others instead", () => {
  const cluster = new ScheduledCluster({ ...limits, provenStreakMin: 2, prefetchUnitsMax: 0 });
  cluster.job("job", 0, { partitions: 3, quorum }).worker("eve", { slots: 3 });
  const [first] = cluster.leasesOf("eve");
  expect(cluster.inputsOf("eve")).toEqual([[0], [1]]);
  cluster.leases.delete(first!.no);
  cluster.send({ type: "UnitReturned", worker: "eve", lease: first!.no, reason: "missing" });
  expect(cluster.inputsOf("eve")).toEqual([[1], [2]]);
});
