import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import {
  decodeFailure,
  decodeOutputs,
  encodeFailure,
  encodeOutputs,
  encodeValue,
  type FailureMark,
  type JobDetails,
  type JobSpec,
  type PersonSummary,
  packRecords,
  RecordReader,
} from "../../protocol/index.ts";
import type { Hub } from "../hub.ts";
import { jobSpec, type Received, ScriptedPeer, testHub, until } from "../testing/peer.ts";

/* Shuffles whose rows and partitions are voted on. */

const quorum = { agree: 2, of: 3, adaptive: false, deterministic: false };
const limits = { provenStreakMin: 1, suspectBadMin: 1, unitInputsMax: 1, prefetchUnitsMax: 0 };
const shuffle = (changes: Partial<JobSpec["options"]["quorum"]> = {}, partitions = 1): JobSpec => ({
  ...jobSpec({ quorum: { ...quorum, ...changes } }),
  shuffle: { partitions },
});

const bytesOf = (text: string) => Buffer.from(text);
const row = (text: string) => {
  const bytes = bytesOf(text);
  const digest = createHash("sha256").update(bytes).digest();
  return packRecords([encodeOutputs([{ digest, codec: "raw", bytes: bytes.length }])]);
};
const value = (of: unknown) => packRecords([encodeValue(of)]);

const person = (hub: Hub, name: string, trusted = false): Promise<ScriptedPeer> => {
  const invite = hub.invite({ role: "worker", person: name, trusted });
  return ScriptedPeer.worker(hub, { name, slots: 1 }, [], { invite });
};

/** A trusted worker agrees with these people once, which is all that it takes here. */
async function proven(hub: Hub, client: ScriptedPeer, ...names: readonly string[]): Promise<ScriptedPeer[]> {
  const people = await Promise.all(names.map((name) => person(hub, name)));
  const spec = jobSpec({ quorum });
  client.submit(spec, names.length);
  for (const peer of people) peer.report(await peer.next("lease"), {}, value("right"));
  for (const peer of people) await peer.next("ack");
  const notary = await person(hub, "notary", true);
  for (let input = 0; input < names.length; input++)
    notary.report(await notary.next("lease"), {}, value("right"));
  await until(async () => (await client.call<JobDetails>("job", { job: spec.job })).state === "done");
  notary.link.close();
  return people;
}

/** Answers leases of a stage as they come, now and later. */
function serve(
  peer: ScriptedPeer,
  kind: "map" | "reduce",
  answer: (lease: Received<"lease">) => { body: Uint8Array; failures?: FailureMark[] },
): void {
  void peer
    .next("lease", ({ task }) => task.stage?.kind === kind)
    .then((lease) => {
      const { body, failures = [] } = answer(lease);
      peer.report(lease, { failures }, body);
      serve(peer, kind, answer);
    });
}

test("partitions are made of the row that two agree on, of two who agree; and the liar is known", async () => {
  const hub = await testHub({ limits });
  const client = await ScriptedPeer.client(hub);
  const [ada] = await proven(hub, client, "ada");
  const eve = await person(hub, "eve");
  const spec = shuffle();
  client.submit(spec, 1);
  client.watch(spec.job);
  serve(eve, "map", () => ({ body: row("a lie") }));
  serve(ada!, "map", () => ({ body: row("the truth") }));
  const details = () => client.call<JobDetails>("job", { job: spec.job });
  await until(async () => (await details()).trust?.replicas === 2);
  const { stages, trust } = await details();
  expect(stages![0]).toMatchObject({ done: 0, running: 0 });
  expect(trust).toMatchObject({ undecided: 1, provisional: 0 });
  const bob = await person(hub, "bob");
  serve(bob, "map", () => ({ body: row("the truth") }));
  const read = new Set<string>();
  for (const peer of [ada!, bob]) {
    serve(peer, "reduce", ({ body }) => {
      const column = decodeOutputs(new RecordReader(body).read()!);
      for (const output of column) read.add(Buffer.from(output!.digest).toString("hex"));
      return { body: value({ pairs: 1, file: cidOf(bytesOf("reduced")) }) };
    });
  }
  const results = await client.next("results");
  expect(results.message).toMatchObject({ accepted: "quorum", ranges: [[0, 1]] });
  expect((await client.next("ended")).message).toMatchObject({ state: "done", size: 1, failed: 0 });
  expect([...read]).toEqual([createHash("sha256").update("the truth").digest("hex")]);
  const people = await client.call<PersonSummary[]>("people");
  expect(people.find(({ person }) => person === "eve")).toMatchObject({ invalid: 1, suspect: true });
  expect((await details()).trust).toEqual({ replicas: 5, undecided: 0, provisional: 0, rerun: 0 });
  expect(hub.coordinator.referee.candidateBytes).toBe(0);
});

test("a segment on which people do not agree ends the job, which says where and why", async () => {
  const hub = await testHub({ limits });
  const client = await ScriptedPeer.client(hub);
  const people = await proven(hub, client, "ada", "bob");
  const spec = shuffle({ of: 2 });
  client.submit(spec, 1);
  client.watch(spec.job);
  for (const [at, peer] of people.entries()) serve(peer, "map", () => ({ body: row(`row ${at}`) }));
  const { message, body } = await client.next("ended");
  expect(message).toMatchObject({ state: "broken", culprit: 0 });
  const failure = decodeFailure(new RecordReader(body).read()!);
  expect(failure).toMatchObject({ kind: "disputed" });
  expect(failure.message).toMatch(/^2 people do not agree: 1 × files .{8}; 1 × files .{8}$/);
  expect(hub.coordinator.referee.candidateBytes).toBe(0);
});

test("a segment that fails for as many as it takes ends the job with their error", async () => {
  const hub = await testHub({ limits });
  const client = await ScriptedPeer.client(hub);
  const [ada] = await proven(hub, client, "ada");
  const bob = await person(hub, "bob");
  const spec = shuffle();
  client.submit(spec, 1);
  client.watch(spec.job);
  const failures: FailureMark[] = [{ at: 0, kind: "error", fingerprint: "TypeError" }];
  for (const peer of [ada!, bob]) {
    const stack = `at ${peer.grantId}`;
    const record = encodeFailure({ kind: "error", name: "TypeError", message: "no such word", stack });
    serve(peer, "map", () => ({ body: packRecords([record]), failures }));
  }
  const { message, body } = await client.next("ended");
  expect(message).toMatchObject({ state: "broken", culprit: 0 });
  expect(decodeFailure(new RecordReader(body).read()!)).toMatchObject({ message: "no such word" });
});

test("canaries, and answers that the task compares, are not for map-reduces", async () => {
  const hub = await testHub();
  const client = await ScriptedPeer.client(hub);
  client.submit(shuffle({ same: true }), 0);
  expect((await client.next("joberror")).message).toMatchObject({ code: "BAD_ARGUMENT" });
  client.submit({ ...shuffle(), canaries: { inputs: value(1), answers: ["known"] } }, 0);
  expect((await client.next("joberror")).message).toMatchObject({ code: "BAD_ARGUMENT" });
});
