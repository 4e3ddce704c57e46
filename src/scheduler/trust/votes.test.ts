import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";

const quorum = { agree: 2, of: 3, adaptive: false, deterministic: false };

/** People become proven by agreeing with a trusted worker. */
function proven(cluster: ScheduledCluster, ...people: string[]): void {
  for (const person of people) {
    cluster.people.set(person, { type: "person", person, streak: 10, valid: 10, bad: 0 });
  }
  cluster.restart();
}

const answered = (cluster: ScheduledCluster, job = "job") =>
  Object.fromEntries(cluster.results.get(job) ?? []);

test("an input has its result when two people agree, one of them proven", () => {
  const cluster = new ScheduledCluster();
  proven(cluster, "ada");
  cluster.worker("ada").worker("bob").job("job", 1, { quorum });
  const [first, second] = cluster.leasesOf("ada").length > 0 ? ["ada", "bob"] : ["bob", "ada"];
  cluster.report(first!);
  expect(cluster.results.size).toBe(0);
  cluster.report(second!);
  expect(answered(cluster)).toEqual({ 0: "right" });
  expect(cluster.accepted.get("job 0")).toBe("quorum");
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
});

test("two newcomers never confirm each other", () => {
  const cluster = new ScheduledCluster();
  cluster.worker("bob").worker("eve").job("job", 1, { quorum });
  const first = cluster.leasesOf("bob").length > 0 ? "bob" : "eve";
  cluster.report(first);
  expect(cluster.leases.size).toBe(0);
  cluster.worker("trusty", { trusted: true });
  cluster.report("trusty");
  expect(cluster.accepted.get("job 0")).toBe("trusted");
  expect(cluster.people.get(first)).toMatchObject({ streak: 1, valid: 1, bad: 0 });
});

test("two workers of one person have one vote", () => {
  const cluster = new ScheduledCluster();
  proven(cluster, "ada");
  cluster.worker("one", { person: "ada" }).worker("two", { person: "ada" }).job("job", 1, { quorum });
  cluster.report(cluster.leasesOf("one").length > 0 ? "one" : "two");
  expect(cluster.leases.size).toBe(0);
  cluster.worker("bob").report("bob");
  expect(answered(cluster)).toEqual({ 0: "right" });
});

test("where two differ a third decides, and the liar is known", () => {
  const cluster = new ScheduledCluster();
  proven(cluster, "ada", "cem");
  cluster.worker("ada").job("job", 1, { quorum }).report("ada");
  cluster.worker("eve").report("eve", { answers: () => "wrong" });
  expect(cluster.results.size).toBe(0);
  cluster.worker("cem").report("cem");
  expect(answered(cluster)).toEqual({ 0: "right" });
  expect(cluster.people.get("eve")).toMatchObject({ streak: 0, bad: 1 });
  expect(cluster.people.get("ada")).toMatchObject({ streak: 11, valid: 11, bad: 0 });
});

test("an input fails on which as many proven people as allowed differ", () => {
  const cluster = new ScheduledCluster();
  proven(cluster, "ada", "bob", "cem");
  cluster.job("job", 1, { quorum });
  for (const person of ["ada", "bob", "cem"]) {
    cluster.worker(person).report(person, { answers: () => `what ${person} says` });
  }
  expect(answered(cluster)).toEqual({ 0: "disputed" });
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
  expect([...cluster.people.values()].map(({ bad }) => bad)).toEqual([0, 0, 0]);
});
