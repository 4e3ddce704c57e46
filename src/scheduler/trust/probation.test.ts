import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";

const quorum = { agree: 2, of: 3, adaptive: true, deterministic: true };

/** Lets a worker answer all that it is given, until it is given nothing any more; says how many inputs that were. */
function exhaust(cluster: ScheduledCluster, worker: string): number {
  let answered = 0;
  for (let lease = cluster.leasesOf(worker)[0]; lease !== undefined; lease = cluster.leasesOf(worker)[0]) {
    answered += lease.inputs.length - lease.reported;
    cluster.report(worker, { lease: lease.no, ms: 1 });
  }
  return answered;
}

test("provenStreakMin: a newcomer is given as much as it takes to prove it, however fast it is, and then no more", () => {
  const cluster = new ScheduledCluster();
  cluster.worker("ada", { slots: 8 }).job("job", 100_000, { quorum });
  expect(exhaust(cluster, "ada")).toBe(10);
  // Whatever is confirmed does not make room for more: it counts itself.
  cluster.worker("trusty", { trusted: true });
  while (cluster.people.get("ada")?.streak !== 10) {
    cluster.report("trusty", { ms: 1000 });
    if ((cluster.people.get("ada")?.streak ?? 0) < 10) expect(cluster.leasesOf("ada")).toEqual([]);
  }
  expect(cluster.leasesOf("ada").length).toBeGreaterThan(0);
});

test("a newcomer that was wrong begins anew", () => {
  const cluster = new ScheduledCluster();
  cluster.worker("ada").job("job", 100_000, { quorum });
  for (let lease = cluster.leasesOf("ada")[0]; lease !== undefined; lease = cluster.leasesOf("ada")[0]) {
    const wrong = lease.inputs[0];
    const answers = (input: number) => (input === 0 && wrong === 0 ? "wrong" : "right");
    cluster.report("ada", { lease: lease.no, ms: 1000, answers });
  }
  cluster.worker("trusty", { trusted: true });
  while (cluster.people.get("ada")?.bad !== 1) cluster.report("trusty", { ms: 1000 });
  expect(cluster.leasesOf("ada").length).toBeGreaterThan(0);
});
