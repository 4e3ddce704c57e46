import { expect, test, vi } from "vitest";
import { mapReduce } from "../src/client/index.ts";
import { double, wobble } from "./support/tasks.ts";
import { tornCount } from "./support/torn-count.ts";
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

test("answers of floating point agree where the task says that they are the same", async () => {
  const hub = await testHub({ limits: { provenStreakMin: 2 } });
  const cluster = await testClient(hub);
  const quorum = { agree: 2, of: 3, adaptive: false };
  const volunteers = ["ada", "bob"].map((person) => hub.invite({ role: "worker", person }));
  await Promise.all(volunteers.map((invite) => testWorker(hub, { invite, labels: ["volunteer"] })));
  const needs = { labels: ["volunteer"] };
  const canaries = [10, 20, 30, 40].map((input) => ({ input, value: 2 * input }));
  await cluster.map(double, [1, 2, 3, 4], { quorum, canaries, needs }).toArray();
  const job = await cluster.submit(wobble, [1, 2, 3, 4, 5], { quorum, needs });
  // It only compares: what it lacks is what the job needs.
  await testWorker(hub, { invite: hub.invite({ role: "worker", trusted: true }) });
  const results = [];
  for await (const result of job.results()) results.push(result);
  expect(results.map(({ value }) => Math.round(value as number)).toSorted()).toEqual([1, 2, 3, 4, 5]);
  expect(new Set(results.map(({ accepted }) => accepted))).toEqual(new Set(["quorum"]));
  const people = await cluster.people();
  expect(people.map(({ invalid }) => invalid)).toEqual(people.map(() => 0));
});

test("same belongs to a task with a quorum, and not to one call, a map-reduce or canaries", async () => {
  const hub = await testHub();
  const cluster = await testClient(hub);
  const same = () => true;
  const call = cluster.map(double, [1], { same } as object).toArray();
  await expect(call).rejects.toThrowError(/belongs to the task/);
  const definition = { map: () => {}, reduce: () => 0, same } as never;
  expect(() => mapReduce(definition)).toThrowError(/no answers to compare/);
  const canaries = [{ input: 1, value: 2 }];
  const options = { quorum: { agree: 2, of: 3 }, canaries };
  await expect(cluster.map(wobble, [1], options).toArray()).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
});

const text = Array.from({ length: 600 }, (_, at) => `the ${at % 7} and the ${at % 50}\n`).join("");
const words = new Map<string, number>();
for (const word of text.split(/[ \n]+/)) if (word !== "") words.set(word, (words.get(word) ?? 0) + 1);

test("a map-reduce of strangers counts right although one of them lies, and finds out who", async () => {
  const hub = await testHub({ limits: { provenStreakMin: 2, unitInputsMax: 2 } });
  const cluster = await testClient(hub);
  const input = await cluster.put(new TextEncoder().encode(text));
  const strangers = ["ada", "bob", "cem"].map((person) => ({
    invite: hub.invite({ role: "worker", person }),
  }));
  const liar = { invite: hub.invite({ role: "worker", person: "liar" }), trust: true };
  await Promise.all([...strangers, liar].map((options) => testWorker(hub, options)));
  const options = { input, segmentBytes: 400, quorum: { agree: 2, of: 3 }, deterministic: true };
  const counting = cluster.mapReduce(tornCount, options);
  // Each of them has said as much as a newcomer may.
  const looked = async () => expect((await cluster.jobs())[0]!.trust!.replicas).toBe(8);
  await vi.waitFor(looked, { timeout: 60_000 });
  await testWorker(hub, { invite: hub.invite({ role: "worker", person: "notary", trusted: true }) });
  expect(new Map(await (await counting).toMap())).toEqual(words);
  const [job] = await cluster.jobs();
  expect(job).toMatchObject({ state: "done", failed: 0, trust: { undecided: 0, provisional: 0 } });
  const people = new Map((await cluster.people()).map((row) => [row.person, row]));
  expect(people.get("liar")).toMatchObject({ proven: false, valid: 0 });
  for (const { person, invalid } of people.values())
    expect([person, invalid > 0]).toEqual([person, person === "liar"]);
});
