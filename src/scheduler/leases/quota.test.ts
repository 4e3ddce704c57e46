import fc from "fast-check";
import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";
import { defaultLimits } from "../../protocol/index.ts";
import { jobView, type LeaseNo } from "../index.ts";

const limits = { ...defaultLimits, unitInputsMax: 1, prefetchUnitsMax: 0 };

const limited = (leasesMax: number | null, project = "a") =>
  ({ type: "ProjectLimited", project, leasesMax }) as const;
const leasesOf = (cluster: ScheduledCluster, project: string) =>
  [...cluster.state.leases.values()].filter(({ job }) => job.quota.project === project).length;

const finish = (cluster: ScheduledCluster, lease: LeaseNo) =>
  cluster.report(cluster.leases.get(lease)!.worker, { lease });

/** Workers of two projects and more slots than either may use. */
const school = () => {
  const cluster = new ScheduledCluster(limits);
  for (const name of ["w0", "w1", "w2"]) cluster.worker(name, { slots: 4, projects: ["a", "b"] });
  return cluster;
};

test("a project has no more leases at once than it may; others get the rest, and it goes on as they end", () => {
  const cluster = school();
  cluster.send(limited(3));
  cluster.job("one", 20, { project: "a" }).job("two", 20, { project: "a" });
  expect(leasesOf(cluster, "a")).toBe(3);
  cluster.job("other", 20, { project: "b" });
  expect([leasesOf(cluster, "a"), leasesOf(cluster, "b")]).toEqual([3, 9]);
  expect(jobView(cluster.state, "two")!.waiting).toMatch(/^$|the project a has 3 units/);
  const [first] = [...cluster.leases.values()].filter(({ descriptor }) => descriptor.job !== "other");
  finish(cluster, first!.no);
  expect(leasesOf(cluster, "a")).toBe(3);
});

test("a changed limit holds from then on: nothing is taken away, and what waited goes on", () => {
  const cluster = school().job("one", 20, { project: "a" });
  expect(leasesOf(cluster, "a")).toBe(12);
  cluster.send(limited(2));
  expect(leasesOf(cluster, "a")).toBe(12);
  for (const { no } of [...cluster.leases.values()].slice(0, 11)) finish(cluster, no);
  expect(leasesOf(cluster, "a")).toBe(2);
  cluster.send(limited(0));
  for (const { no } of [...cluster.leases.values()]) finish(cluster, no);
  expect(leasesOf(cluster, "a")).toBe(0);
  expect(jobView(cluster.state, "one")!.waiting).toContain("the project a has 0 units under way");
  cluster.send(limited(null));
  expect(leasesOf(cluster, "a")).toBe(7);
});

test("no idle worker copies or trims over the limit", () => {
  const cluster = school();
  cluster.send(limited(1));
  cluster.job("one", 1, { project: "a" });
  for (let beat = 0; beat < 50; beat++) cluster.pass(10_000).heartbeat();
  expect(leasesOf(cluster, "a")).toBeLessThanOrEqual(1);
});

test("whatever happens, no lease is given over the limit, and all is done in the end", () => {
  const act = fc.oneof(
    fc.record({ type: fc.constant("limit" as const), leasesMax: fc.option(fc.nat(4)) }),
    fc.record({ type: fc.constant("job" as const), count: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ type: fc.constant("finish" as const), pick: fc.nat(20) }),
    fc.record({ type: fc.constant("cancel" as const), pick: fc.nat(5) }),
    fc.record({ type: fc.constant("lose" as const), pick: fc.nat(2) }),
  );
  fc.assert(
    fc.property(fc.array(act, { maxLength: 40 }), (acts) => {
      const cluster = school();
      let leasesMax = Number.POSITIVE_INFINITY;
      let jobs = 0;
      for (const each of acts) {
        const before = leasesOf(cluster, "a");
        if (each.type === "limit") {
          leasesMax = each.leasesMax ?? Number.POSITIVE_INFINITY;
          cluster.send(limited(each.leasesMax));
        } else if (each.type === "job") cluster.job(`job${jobs++}`, each.count, { project: "a" });
        else if (each.type === "finish") {
          const open = [...cluster.leases.keys()];
          if (open.length > 0) finish(cluster, open[each.pick % open.length]!);
        } else if (each.type === "cancel") {
          cluster.send({ type: "JobCancelled", job: `job${each.pick}`, reason: "test" });
        } else {
          cluster.lose(`w${each.pick}`);
          cluster.worker(`w${each.pick}`, { slots: 4, projects: ["a", "b"] });
        }
        expect(leasesOf(cluster, "a")).toBeLessThanOrEqual(Math.max(before, leasesMax));
      }
      cluster.send(limited(null));
      while (cluster.leases.size > 0) finish(cluster, [...cluster.leases.keys()][0]!);
      expect(cluster.state.jobs.size).toBe(0);
      expect([...cluster.state.quotas.values()].filter(({ leases }) => leases > 0)).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
