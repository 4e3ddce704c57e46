import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";

const quorum = { agree: 2, of: 3, adaptive: false, deterministic: true };

test("an input in its back-off is anybody's again when the only one who voted on it is asked no more", () => {
  const cluster = new ScheduledCluster({ suspectBadMin: 3, unitInputsMax: 10, unitTargetMs: 1e6 });
  cluster.worker("liar").job("a", 4, { quorum, retries: 1, backoffMs: 500 });
  while (cluster.leasesOf("liar").length > 0) cluster.report("liar", { answers: () => "a lie" });
  expect(cluster.candidates.size).toBe(4);
  cluster.worker("notary", { trusted: true });
  // The first one throws there and is to be tried again; the others show who lies.
  while (cluster.leasesOf("notary").length > 0) {
    const [first] = cluster.leasesOf("notary")[0]!.inputs;
    cluster.report("notary", first === 0 ? { fail: { 0: "error" } } : {});
  }
  expect(cluster.people.get("liar")).toMatchObject({ bad: 3 });
  cluster.lose("notary", "left").worker("newcomer").pass(2_000);
  expect(cluster.inputsOf("newcomer")).toEqual([[0]]);
});
