import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";

const quorum = { agree: 2, of: 3, adaptive: false, deterministic: false, same: true };
const numbers = (one: string, other: string) => Math.abs(Number(one) - Number(other)) < 0.01;

/** One input, that these people have answered one after the other. */
function answered(answers: Readonly<Record<string, string>>, ...proven: string[]): ScheduledCluster {
  const cluster = new ScheduledCluster();
  for (const person of proven) {
    cluster.people.set(person, { type: "person", person, streak: 10, valid: 10, bad: 0 });
  }
  cluster.restart().job("job", 1, { quorum });
  for (const [person, answer] of Object.entries(answers)) give(cluster, person, answer);
  return cluster;
}

function give(cluster: ScheduledCluster, person: string, answer: string): void {
  const trusted = person === "notary";
  // Engines differ in the last bits: that is what the task compares for.
  cluster.worker(person, { trusted, engineClass: `engine of ${person}` });
  cluster.report(person, { answers: () => answer });
}

test("answers that are the same to the task agree, across engines, and nothing happens until it has said so", () => {
  const cluster = answered({ ada: "0.3", bob: "0.30000000000000004" }, "ada");
  expect(cluster.results.size).toBe(0);
  cluster.worker("cem");
  expect(cluster.leases.size).toBe(0);
  cluster.compare(numbers);
  expect(cluster.results.get("job")?.get(0)).toBe("0.3");
  expect(cluster.accepted.get("job 0")).toBe("quorum");
  expect(cluster.people.get("bob")).toMatchObject({ streak: 1, bad: 0 });
});

test("what the task tells apart stays apart: a third decides, and whoever lied is known", () => {
  const cluster = answered({ ada: "0.3", eve: "0.4" }, "ada");
  cluster.compare(numbers);
  expect(cluster.results.size).toBe(0);
  give(cluster, "cem", "0.3000001");
  cluster.compare(numbers);
  expect(cluster.results.get("job")?.get(0)).toBe("0.3");
  expect(cluster.people.get("eve")).toMatchObject({ streak: 0, bad: 1 });
  expect(cluster.people.get("cem")).toMatchObject({ valid: 1, bad: 0 });
});

test("a trusted worker's answer holds, and says of all others whether they were right", () => {
  const cluster = answered({ bob: "0.3", eve: "0.4" }, "bob");
  cluster.compare(numbers);
  give(cluster, "notary", "0.3000001");
  expect(cluster.results.size).toBe(0);
  cluster.compare(numbers);
  expect(cluster.results.get("job")?.get(0)).toBe("0.3000001");
  expect(cluster.accepted.get("job 0")).toBe("trusted");
  expect(cluster.people.get("bob")).toMatchObject({ valid: 11, bad: 0 });
  expect(cluster.people.get("eve")).toMatchObject({ valid: 0, bad: 1 });
  expect([...cluster.people.keys()]).toEqual(["bob", "eve"]);
});

test("equal bytes need no comparison, and errors have none", () => {
  const cluster = answered({ ada: "0.3", bob: "0.3" }, "ada");
  expect(cluster.comparisons).toEqual([]);
  expect(cluster.results.get("job")?.get(0)).toBe("0.3");
});

test("what is said too late, or of nothing that was asked, changes nothing", () => {
  const cluster = answered({ ada: "0.3", bob: "0.31" }, "ada");
  const said = { type: "AnswersCompared", job: "job", input: 0 } as const;
  cluster.send({ ...said, digest: "never given", same: ["0.3"] });
  cluster.send({ ...said, input: 7, digest: "0.31", same: ["0.3"] });
  cluster.send({ ...said, digest: "0.31", same: ["never given"] });
  expect(cluster.results.size).toBe(0);
  cluster.send({ ...said, digest: "0.31", same: ["0.3"] });
  expect(cluster.results.size).toBe(0);
  cluster.send({ type: "JobCancelled", job: "job", reason: "unwanted" });
  expect(cluster.ended.get("job")).toMatchObject({ state: "cancelled" });
});

test("an input that is cancelled meanwhile waits for nothing", () => {
  const cluster = answered({ ada: "0.3", eve: "0.4" }, "ada");
  cluster.send({ type: "JobCancelled", job: "job", reason: "unwanted", ranges: [[0, 1]] });
  cluster.compare(numbers);
  expect(cluster.results.get("job")?.get(0)).toBe("cancelled");
});
