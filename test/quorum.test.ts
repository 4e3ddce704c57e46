import { expect, test } from "vitest";
import { double } from "./support/tasks.ts";
import { testClient, testHub, testWorker } from "./support/whole-cluster.ts";

test("real workers of different people answer, and results say how they were accepted", async () => {
  const hub = await testHub({ limits: { provenStreakMin: 2 } });
  const cluster = await testClient(hub);
  const canaries = [10, 20, 30, 40].map((input) => ({ input, value: 2 * input }));
  const options = { quorum: { agree: 2, of: 3, adaptive: false }, canaries };
  const invites = ["ada", "bob"].map((person) => hub.invite({ role: "worker", person }));
  await Promise.all(invites.map((invite) => testWorker(hub, { invite })));
  const results = await cluster.map(double, [1, 2, 3, 4, 5, 6], options).toArray();
  expect(results.map(({ value }) => value)).toEqual([2, 4, 6, 8, 10, 12]);
  expect(new Set(results.map(({ accepted }) => accepted))).toEqual(new Set(["quorum"]));
  const people = await cluster.people();
  expect(people.map(({ person, proven, invalid }) => [person, proven, invalid]).toSorted()).toEqual([
    ["ada", true, 0],
    ["bob", true, 0],
  ]);
});
