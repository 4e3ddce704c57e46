import { expect, test } from "vitest";
import { answerDigest } from "../../data/index.ts";
import {
  decodeFailure,
  decodeValue,
  eachRecord,
  encodeFailure,
  encodeValue,
  type HubStatus,
  type JobDetails,
  type PersonSummary,
  packRecords,
  RecordReader,
} from "../../protocol/index.ts";
import type { Hub } from "../hub.ts";
import { jobSpec, ScriptedPeer, testDirectory, testHub, until } from "../testing/peer.ts";

const quorum = { agree: 2, of: 3, adaptive: false, deterministic: false };

const person = (hub: Hub, name: string, trusted = false): Promise<ScriptedPeer> => {
  const invite = hub.invite({ role: "worker", person: name, trusted });
  return ScriptedPeer.worker(hub, { name, slots: 1 }, [], { invite });
};

const peopleOf = async (client: ScriptedPeer): Promise<Record<string, PersonSummary>> => {
  const rows = await client.call<PersonSummary[]>("people");
  return Object.fromEntries(rows.map((row) => [row.person, row]));
};

const block = (value: unknown) => packRecords([encodeValue(value)]);

/** A trusted worker confirms a person's results until that person is proven. */
async function prove(hub: Hub, client: ScriptedPeer, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const peer = await person(hub, name);
    const spec = jobSpec({ quorum });
    client.submit(spec, 1);
    peer.report(await peer.next("lease"), {}, block("answer"));
    await peer.next("ack");
    const trusted = await person(hub, "notary", true);
    trusted.report(await trusted.next("lease"), {}, block("answer"));
    await until(async () => (await client.call<JobDetails>("job", { job: spec.job })).state === "done");
    trusted.link.close();
    peer.link.close();
    await until(async () => (await client.call<HubStatus>("status")).workers === 0);
  }
}

const limits = { provenStreakMin: 1, suspectBadMin: 1 };

test("a result is there when two people agree, and says so; the liar is known", async () => {
  const hub = await testHub({ limits });
  const client = await ScriptedPeer.client(hub);
  await prove(hub, client, "ada");
  const ada = await person(hub, "ada");
  const spec = jobSpec({ quorum });
  client.submit(spec, 1);
  client.watch(spec.job);
  ada.report(await ada.next("lease"), {}, block("right"));
  const eve = await person(hub, "eve");
  eve.report(await eve.next("lease"), {}, block("wrong"));
  await eve.next("ack");
  expect(client.pending("results")).toEqual([]);
  const bob = await person(hub, "bob");
  bob.report(await bob.next("lease"), {}, block("right"));
  const { message, body } = await client.next("results");
  expect(message).toMatchObject({ accepted: "quorum", ranges: [[0, 1]], worker: "ada" });
  expect(Buffer.compare(body, block("right"))).toBe(0);
  expect(await peopleOf(client)).toMatchObject({
    ada: { proven: true, streak: 2, suspect: false },
    bob: { proven: true, streak: 1 },
    eve: { proven: false, invalid: 1, suspect: true },
  });
  expect((await client.call<JobDetails>("job", { job: spec.job })).trust).toMatchObject({ replicas: 3 });
});

test("where enough proven people differ the input fails, and shows what they said", async () => {
  const hub = await testHub({ limits });
  const client = await ScriptedPeer.client(hub);
  await prove(hub, client, "ada", "bob");
  const people = [await person(hub, "ada"), await person(hub, "bob")];
  const spec = jobSpec({ quorum: { ...quorum, of: 2 } });
  client.submit(spec, 1);
  client.watch(spec.job);
  const answers = [41, "forty-two"];
  const voters = new Map(people.map((peer, at) => [peer, answers[at]]));
  for (const [peer, answer] of voters) {
    void peer.next("lease").then((lease) => peer.report(lease, {}, block(answer)));
  }
  const { message, body } = await client.next("results");
  expect(message.failures).toMatchObject([{ kind: "disputed" }]);
  const failure = decodeFailure(new RecordReader(body).read()!);
  expect(failure).toMatchObject({ kind: "disputed", name: "Disputed" });
  expect(failure.message).toContain("2 people do not agree");
  expect(failure.message).toContain("1 × 41");
  expect(failure.message).toContain('1 × "forty-two"');
});

test("errors agree whatever their stacks", async () => {
  const hub = await testHub({ limits });
  const client = await ScriptedPeer.client(hub);
  await prove(hub, client, "ada");
  const ada = await person(hub, "ada");
  const bob = await person(hub, "bob");
  const spec = jobSpec({ quorum });
  client.submit(spec, 1);
  client.watch(spec.job);
  const failures = [{ at: 0, kind: "error", fingerprint: "Error" }] as const;
  for (const [at, peer] of [ada, bob].entries()) {
    const stack = `at line ${at}`;
    const failed = encodeFailure({ kind: "error", name: "Error", message: "no", stack });
    void peer.next("lease").then((lease) => peer.report(lease, { failures }, packRecords([failed])));
  }
  expect((await client.next("results")).message).toMatchObject({ accepted: "quorum", failures });
});

test("a hub that starts again knows people, and has lost nothing but candidates", async () => {
  const data = await testDirectory();
  const before = await testHub({ limits, data });
  const client = await ScriptedPeer.client(before);
  await prove(before, client, "ada");
  const ada = await person(before, "ada");
  const spec = jobSpec({ quorum });
  client.submit(spec, 1);
  ada.report(await ada.next("lease"), {}, block("right"));
  await ada.next("ack", () => true);
  await before.close();
  const after = await testHub({ limits: { ...limits, adoptionWindowMs: 0 }, data });
  const again = await ScriptedPeer.client(after);
  expect(await peopleOf(again)).toMatchObject({ ada: { proven: true, streak: 1 } });
  again.watch(spec.job);
  for (const name of ["ada", "bob"]) {
    const peer = await person(after, name);
    void peer.next("lease").then((lease) => peer.report(lease, {}, block("right")));
  }
  expect((await again.next("results")).message).toMatchObject({ accepted: "quorum" });
  expect((await again.next("ended")).message).toMatchObject({ state: "done", failed: 0 });
  await after.close();
  // From the journal, and from the checkpoint that this one writes.
  for (let start = 0; start < 2; start++) {
    const later = await testHub({ limits: { ...limits, checkpointRecordsMin: 1 }, data });
    const asking = await ScriptedPeer.client(later);
    expect((await asking.call<JobDetails>("job", { job: spec.job })).trust).toMatchObject({ replicas: 2 });
    asking.submit(jobSpec({ quorum }), 1);
    await asking.next("stored");
    await later.coordinator.retention.idle();
    await later.close();
  }
});

test("a newcomer is proven by canaries that travel with other inputs", async () => {
  const hub = await testHub({ limits: { ...limits, unitInputsMax: 1 } });
  const client = await ScriptedPeer.client(hub);
  const canaries = { inputs: block("tricky"), answers: [answerDigest(encodeValue("known"))] };
  const spec = { ...jobSpec({ quorum }), canaries };
  client.submit(spec, 1, true, block("an input"));
  client.watch(spec.job);
  const ada = await person(hub, "ada");
  const lease = await ada.next("lease");
  const inputs = [...eachRecord(lease.body)].map((record) => decodeValue(record));
  expect(inputs.toSorted()).toEqual(["an input", "tricky"]);
  const answers = inputs.map((input) => encodeValue(input === "tricky" ? "known" : "answer"));
  ada.report(lease, {}, packRecords(answers));
  await ada.next("ack");
  expect(await peopleOf(client)).toMatchObject({ ada: { proven: true, streak: 1 } });
  const bob = await person(hub, "bob");
  const second = await bob.next("lease");
  const replies = [...eachRecord(second.body)].map((record) =>
    encodeValue(decodeValue(record) === "tricky" ? "known" : "answer"),
  );
  bob.report(second, {}, packRecords(replies));
  const { message, body } = await client.next("results");
  expect(message).toMatchObject({ ranges: [[0, 1]], accepted: "quorum" });
  expect(Buffer.compare(body, block("answer"))).toBe(0);
  expect((await client.next("ended")).message).toMatchObject({ state: "done", size: 1 });
});

test("an admin, and nobody else, has a person begin anew", async () => {
  const hub = await testHub({ limits });
  const client = await ScriptedPeer.client(hub);
  await prove(hub, client, "ada");
  const admin = await ScriptedPeer.client(hub, "admin");
  const forgiven = await admin.call<PersonSummary>("forgive", { person: "ada" });
  expect(forgiven).toMatchObject({ person: "ada", streak: 0, proven: false, suspect: false });
  expect(await peopleOf(client)).toMatchObject({ ada: { streak: 0, proven: false } });
  await expect(client.call("forgive", { person: "ada" })).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(admin.call("forgive", { person: "nobody" })).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("candidateBytesMax: nothing new is begun while answers that wait take so much, and all comes out in the end", async () => {
  const hub = await testHub({ limits: { ...limits, candidateBytesMax: 4_000, unitInputsMax: 1 } });
  const client = await ScriptedPeer.client(hub);
  await prove(hub, client, "ada", "bob");
  const spec = jobSpec({ quorum });
  const inputs = Array.from({ length: 20 }, (_, input) => encodeValue(input));
  client.submit(spec, inputs.length, true, packRecords(inputs));
  client.watch(spec.job);
  const answer = block("x".repeat(1_000));
  const ada = await person(hub, "ada");
  for (let given = 0; given < 4; given++) ada.report(await ada.next("lease"), {}, answer);
  const { referee } = hub.coordinator;
  await until(() => referee.candidateBytes > 4_000);
  // One that was sent before may be under way still.
  const underWay = ada.pending("lease").length;
  expect(underWay).toBeLessThanOrEqual(2);
  const waiting = await client.call<JobDetails>("job", { job: spec.job });
  expect(waiting.trust!.undecided).toBeLessThan(inputs.length);
  const serve = async (peer: ScriptedPeer) => {
    for (;;) peer.report(await peer.next("lease"), {}, answer);
  };
  for (const peer of [ada, await person(hub, "bob")]) serve(peer).catch(() => {});
  expect((await client.next("ended")).message).toMatchObject({
    state: "done",
    size: inputs.length,
    failed: 0,
  });
  expect(referee.candidateBytes).toBe(0);
});
