import { expect, test } from "vitest";
import {
  DEFAULT_PROJECT,
  decodeResumed,
  decodeValue,
  defaultLimits,
  eachRecord,
  encodeValue,
  type FailureMark,
  type JobSpec,
  packRecords,
  type TaskSpec,
} from "../../protocol/index.ts";
import { jobSpec } from "../testing/peer.ts";
import { Comparer, type ComparingSession } from "./comparer.ts";

interface Sent {
  readonly id: string;
  readonly task: TaskSpec;
  readonly pairs: readonly (readonly [unknown, unknown])[];
}

/** A worker that notes what it is asked. */
class Session implements ComparingSession {
  readonly description: ComparingSession["description"];
  readonly sent: Sent[] = [];
  readonly acks: number[] = [];

  constructor(trusted = true, projects: readonly string[] = [DEFAULT_PROJECT]) {
    this.description = { trusted, sandbox: "deno", projects };
  }

  sendUnit({ id }: { readonly id: string }, task: TaskSpec, inputs: Uint8Array): void {
    const pairs = [...eachRecord(inputs)].map((record) => {
      const { input, state } = decodeResumed(record);
      return [decodeValue(input), decodeValue(state)] as const;
    });
    this.sent.push({ id, task, pairs });
  }

  ack(_lease: string, upTo: number): void {
    this.acks.push(upTo);
  }
}

/** A comparer and what it was told; person P's answer to input I is the number that `answers` has. */
function setUp(answers: Readonly<Record<string, unknown>>, comparisonsPerUnitMax = 10) {
  const spec: JobSpec = { ...jobSpec(), job: "job" };
  const told: [number, string, readonly string[]][] = [];
  let ids = 0;
  const comparer = new Comparer({
    limits: { comparisonsPerUnitMax, unitPartBytesTarget: defaultLimits.unitPartBytesTarget },
    specOf: (job) => (job === spec.job ? spec : undefined),
    recordOf: (_job, input, person) => {
      const answer = answers[`${person}${input}`] ?? answers[person];
      return answer instanceof Uint8Array || answer === undefined ? answer : encodeValue(answer);
    },
    newId: () => `unit ${ids++}`,
    onCompared: (_job, input, digest, same) => told.push([input, digest, same]),
  });
  const kept = (person: string) => ({ person, digest: `digest of ${person}` });
  const ask = (input: number, person: string, ...others: string[]) =>
    comparer.ask({ job: spec.job, input, answer: kept(person), others: others.map(kept) });
  return { comparer, told, ask };
}

/** What is asked together is sent together, a moment later. */
const settled = () => Promise.resolve();

const report = (lease: string, values: readonly unknown[], failures: readonly FailureMark[] = []) =>
  [
    { lease, from: 0, count: values.length, failures, done: true },
    packRecords(values.map(encodeValue)),
  ] as const;

test("a trusted worker of the project compares, without any right, and says for each pair", async () => {
  const { comparer, told, ask } = setUp({ ada: 1, bob: 2, cem: 3 });
  const [stranger, elsewhere, trusty] = [new Session(false), new Session(true, ["other"]), new Session()];
  for (const session of [stranger, elsewhere, trusty]) comparer.arrived(session);
  ask(7, "cem", "ada", "bob");
  ask(8, "bob", "ada");
  await settled();
  expect([stranger.sent, elsewhere.sent]).toEqual([[], []]);
  const [unit] = trusty.sent;
  expect(unit!.task).toMatchObject({ net: [], stage: { kind: "same" } });
  expect(unit!.pairs).toEqual([
    [3, 1],
    [3, 2],
    [2, 1],
  ]);
  expect(comparer.took(stranger, ...report(unit!.id, [true, true, true]))).toBe(false);
  expect(comparer.took(trusty, ...report(unit!.id, [false, true, false]))).toBe(true);
  expect(told).toEqual([
    [7, "digest of cem", ["digest of bob"]],
    [8, "digest of bob", []],
  ]);
  expect(trusty.acks).toEqual([3]);
});

test("comparisonsPerUnitMax: what is more goes with the next unit, when the first is back", async () => {
  const { comparer, told, ask } = setUp({ ada: 1, bob: 2 }, 2);
  const trusty = new Session();
  comparer.arrived(trusty);
  for (let input = 0; input < 5; input++) ask(input, "bob", "ada");
  await settled();
  for (let unit = 0; unit < 3; unit++) {
    expect(trusty.sent.length).toBe(unit + 1);
    const { id, pairs } = trusty.sent[unit]!;
    comparer.took(
      trusty,
      ...report(
        id,
        pairs.map(() => true),
      ),
    );
    await settled();
  }
  expect(trusty.sent.map(({ pairs }) => pairs.length)).toEqual([2, 2, 1]);
  expect(told.map(([input]) => input)).toEqual([0, 1, 2, 3, 4]);
});

test("what a worker takes along, or gives back, another one compares", async () => {
  const { comparer, told, ask } = setUp({ ada: 1, bob: 2 });
  const [first, second, third] = [new Session(), new Session(), new Session()];
  comparer.arrived(first);
  ask(0, "bob", "ada");
  await settled();
  comparer.left(first);
  comparer.arrived(second);
  await settled();
  expect(comparer.returned(second, second.sent[0]!.id)).toBe(true);
  await settled();
  // It is not asked for this job again.
  expect(second.sent.length).toBe(1);
  comparer.arrived(third);
  await settled();
  const refusal = [{ at: 0, kind: "refused", fingerprint: "" }] as const;
  comparer.took(third, ...report(third.sent[0]!.id, ["no"], refusal));
  const fourth = new Session();
  comparer.arrived(fourth);
  await settled();
  comparer.took(fourth, ...report(fourth.sent[0]!.id, [true]));
  expect(told).toEqual([[0, "digest of bob", ["digest of ada"]]]);
});

test("parts of what a worker says are put together; who is done too soon is not asked for that job again", async () => {
  const { comparer, told, ask } = setUp({ ada: 1, bob: 2, cem: 3 });
  const [first, second] = [new Session(), new Session()];
  comparer.arrived(first);
  ask(0, "cem", "ada", "bob");
  await settled();
  const lease = first.sent[0]!.id;
  const part = (from: number, value: unknown, done: boolean) =>
    [{ lease, from, count: 1, failures: [], done }, packRecords([encodeValue(value)])] as const;
  expect(comparer.took(first, ...part(0, true, false))).toBe(true);
  expect(comparer.took(first, ...part(1, false, true))).toBe(true);
  expect(told).toEqual([[0, "digest of cem", ["digest of ada"]]]);
  ask(1, "bob", "ada");
  ask(2, "bob", "ada");
  await settled();
  comparer.took(first, ...report(first.sent[1]!.id, [true]));
  await settled();
  expect(first.sent.length).toBe(2);
  comparer.arrived(second);
  await settled();
  comparer.took(second, ...report(second.sent[0]!.id, [true, true]));
  expect(told.slice(1).map(([input]) => input)).toEqual([1, 2]);
});

test("what throws, is no yes, or is no value of ours is not the same", async () => {
  const resumed = Uint8Array.of(0xd9, 0xf5, 0x01, 255, 255, 255, 255, 0);
  const { comparer, told, ask } = setUp({ ada: 1, bob: 2, eve: resumed, gone: undefined });
  const trusty = new Session();
  comparer.arrived(trusty);
  ask(0, "bob", "ada");
  ask(1, "bob", "ada");
  ask(2, "eve", "ada");
  ask(3, "bob", "eve");
  ask(4, "gone", "ada");
  await settled();
  expect(trusty.sent[0]!.pairs.length).toBe(2);
  const failures = [{ at: 0, kind: "error", fingerprint: "Error" }] as const;
  comparer.took(trusty, ...report(trusty.sent[0]!.id, [true, "yes"], failures));
  expect(told.map(([input, , same]) => [input, same]).toSorted()).toEqual([
    [0, []],
    [1, []],
    [2, []],
    [3, []],
  ]);
});

test("nobody is asked for a job that has ended", async () => {
  const { comparer, ask } = setUp({ ada: 1, bob: 2 });
  ask(0, "bob", "ada");
  comparer.ended("job");
  const trusty = new Session();
  comparer.arrived(trusty);
  await settled();
  expect(trusty.sent).toEqual([]);
});
