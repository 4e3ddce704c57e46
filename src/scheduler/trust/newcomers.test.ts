import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";

const quorum = { agree: 2, of: 3, adaptive: false, deterministic: true };

/** Newcomers who have said as much as they may, one input at a time, in turn. */
function newcomers(count: number): ScheduledCluster {
  const cluster = new ScheduledCluster({ unitInputsMax: 1, prefetchUnitsMax: 0, provenStreakMin: 10 });
  const people = Array.from({ length: count }, (_, at) => `person ${at}`);
  for (const person of people) cluster.worker(person);
  cluster.job("job", 200, { quorum });
  for (let turn = 0; turn < 10; turn++) for (const person of people) cluster.report(person);
  expect(cluster.leases.size).toBe(0);
  return cluster;
}

test("the one who is vouched for proves one newcomer after the other, so that these can prove the rest", () => {
  const cluster = newcomers(6).worker("notary", { trusted: true });
  for (let report = 0; report < 10; report++) cluster.report("notary");
  const streaks = [...cluster.people.values()].map(({ streak }) => streak);
  expect(streaks).toEqual([10]);
  // Now there are two who confirm.
  expect(cluster.leases.size).toBe(2);
});

test("those who lack least come first", () => {
  const cluster = new ScheduledCluster({ unitInputsMax: 1, prefetchUnitsMax: 0, provenStreakMin: 10 });
  cluster.people.set("cem", { type: "person", person: "cem", streak: 6, valid: 6, bad: 0 });
  cluster.restart().worker("ada").worker("bob").worker("cem").job("job", 200, { quorum });
  const times = { ada: 5, bob: 8, cem: 4 };
  for (const [person, count] of Object.entries(times)) {
    for (let turn = 0; turn < count; turn++) cluster.report(person);
  }
  for (const person of Object.keys(times)) cluster.lose(person, "left");
  cluster.worker("notary", { trusted: true });
  for (let report = 0; report < 4; report++) cluster.report("notary");
  expect([...cluster.people.values()].map(({ person, streak }) => [person, streak])).toEqual([["cem", 10]]);
});
