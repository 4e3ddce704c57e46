import { expect, onTestFinished, test } from "vitest";
import { type LiveState, LiveTopics } from "../../client/session/live.ts";
import {
  defaultLimits,
  type LiveMessage,
  type LogLine,
  packRecords,
  type Segment,
  type TopicName,
} from "../../protocol/index.ts";
import { startHub } from "../opening/opening.ts";
import { jobSpec, ScriptedPeer, testDirectory, testHub, until } from "../testing/peer.ts";

interface Watched {
  readonly states: LiveState[];
  readonly errors: string[];
  readonly stop: () => void;
  /** The first state, from now on, that is as wished. */
  when(wished: (state: LiveState) => boolean): Promise<LiveState>;
}

/** Follows a topic with the client's own part over a scripted connection. */
function follow(peer: ScriptedPeer, topic: TopicName, of = ""): Watched {
  const topics = new LiveTopics((header) => peer.link.send(header));
  const states: LiveState[] = [];
  const errors: string[] = [];
  let over = false;
  onTestFinished(() => {
    over = true;
  });
  const pump = async (): Promise<void> => {
    while (!over) {
      const { message, body } = await peer.next("live");
      topics.onMessage(message as LiveMessage, body);
    }
  };
  void pump();
  const stop = topics.follow(topic, of, {
    onState: (state) => void states.push(state),
    onError: ({ code }) => void errors.push(code),
  });
  const when = async (wished: (state: LiveState) => boolean): Promise<LiveState> => {
    await until(() => states.length > 0 && wished(states.at(-1)!));
    return states.at(-1)!;
  };
  return { states, errors, stop, when };
}

const jobOf = ({ values }: LiveState) => values.job as { done: number; state: string; perWorker: object };

test("who follows a job sees its band, its course and who did it, also after the hub's restart", async () => {
  const data = await testDirectory();
  const first = await startHub({ listen: "127.0.0.1:0", data });
  const spec = jobSpec();
  try {
    const client = await ScriptedPeer.client(first);
    const worker = await ScriptedPeer.worker(first, { name: "ann" });
    client.submit(spec, 100);
    worker.serve();
    const seen = follow(client, "job", spec.job);
    const state = await seen.when((now) => jobOf(now)?.state === "done");
    expect(state.values.bands).toMatchObject([{ workers: ["ann"], runs: [[100, 0, 100, 0, ""]] }]);
    expect(jobOf(state).perWorker).toEqual({ ann: 100 });
    const { done } = state.values.timeline as { done: number[] };
    expect(done.reduce((sum, count) => sum + count)).toBe(100);
    const segments = [...state.tables.segments!.values()] as Segment[];
    expect(segments.reduce((sum, { inputs }) => sum + inputs, 0)).toBe(100);
    expect(new Set(segments.map(({ name, job }) => `${name} ${job}`))).toEqual(new Set([`ann ${spec.job}`]));
  } finally {
    await first.close();
  }
  const second = await testHub({ data });
  const state = await follow(await ScriptedPeer.client(second, "viewer"), "job", spec.job).when(() => true);
  expect(state.values.bands).toMatchObject([{ workers: ["ann"], runs: [[100, 0, 100, 0, ""]] }]);
  const { done } = state.values.timeline as { done: number[] };
  expect(done.reduce((sum, count) => sum + count)).toBeGreaterThan(0);
});

test("a job of ten million inputs is told of in as few words as one of ten", async () => {
  const hub = await testHub();
  const client = await ScriptedPeer.client(hub);
  const spec = jobSpec();
  client.submit(spec, 10, false);
  await client.next("accepted");
  const entry = hub.coordinator.jobs.require(spec.job);
  entry.history.add("ann", [[0, 10_000_000]], []);
  entry.size = 10_000_000;
  client.send({ type: "follow", id: 7, topic: "job", of: spec.job });
  const { message, body } = await client.next("live");
  expect(message).toMatchObject({ id: 7, first: true });
  expect(body.length).toBeLessThan(2_000);
});

test("the overview tells what a worker is once, and what it does when that changes", async () => {
  const hub = await testHub();
  const viewer = await ScriptedPeer.client(hub, "viewer");
  const seen = follow(viewer, "overview");
  await seen.when(({ tables }) => tables.identities?.size === 0);
  const worker = await ScriptedPeer.worker(hub, { name: "ann" });
  const joined = await seen.when(({ tables }) => tables.identities?.size === 1);
  const [id] = [...joined.tables.identities!.keys()];
  const client = await ScriptedPeer.client(hub);
  client.submit(jobSpec(), 5);
  worker.serve();
  const later = await seen.when(
    ({ tables }) => (tables.work!.get(id!) as { inputsDone: number }).inputsDone === 5,
  );
  expect(later.tables.identities).toBe(joined.tables.identities);
  worker.link.close();
  await seen.when(({ tables }) => tables.work!.size === 0 && tables.identities!.size === 0);
});

test("jobs are found by title, id, state and error", async () => {
  const hub = await testHub();
  const client = await ScriptedPeer.client(hub);
  const specs = ["primes", "words"].map((title) => ({ ...jobSpec(), title }));
  for (const spec of specs) {
    client.submit(spec, 1);
    await client.next("accepted");
  }
  const search = async (words: string): Promise<string[]> => {
    const { tables } = await follow(await ScriptedPeer.client(hub, "viewer"), "jobs", words).when(() => true);
    return [...tables.jobs!.keys()];
  };
  expect(await search("PRIM")).toEqual([specs[0]!.job]);
  expect(await search(specs[1]!.job)).toEqual([specs[1]!.job]);
  expect(await search("state:running")).toEqual(specs.map(({ job }) => job));
  expect(await search("state:done")).toEqual([]);
});

test("who follows a log is told its lines as they come, each once", async () => {
  const hub = await testHub({ limits: { unitInputsMax: 1 } });
  const client = await ScriptedPeer.client(hub, "submitter");
  const viewer = await ScriptedPeer.client(hub, "viewer");
  const worker = await ScriptedPeer.worker(hub, { name: "ann" });
  const spec = jobSpec();
  client.submit(spec, 1);
  const { lease } = (await worker.next("lease")).message;
  const seen = follow(viewer, "log", spec.job);
  const linesOf = ({ tables }: LiveState) => [...(tables.lines?.values() ?? [])] as LogLine[];
  expect(linesOf(await seen.when(() => true))).toEqual([]);
  for (const line of ["one", "two"]) {
    worker.send({ type: "log", lease, dropped: 0 }, packRecords([new TextEncoder().encode(line)]));
    const state = await seen.when((now) => linesOf(now).at(-1)?.line === line);
    expect(linesOf(state).at(-1)).toEqual({ worker: "ann", line });
  }
  expect(seen.states.at(-1)!.tables.lines!.size).toBe(2);
});

test("what is not there is refused with its code, and what is not for this role is not told", async () => {
  const hub = await testHub();
  const people = await follow(await ScriptedPeer.client(hub, "viewer"), "people").when(() => true);
  expect(Object.keys(people.tables)).toEqual(["credit", "people"]);
  const job = follow(await ScriptedPeer.client(hub, "viewer"), "job", "nothing");
  await until(() => job.errors.length > 0);
  expect(job.errors).toEqual(["NOT_FOUND"]);
  const admin = await follow(await ScriptedPeer.client(hub, "admin"), "people").when(() => true);
  expect(admin.tables.invites!.size).toBe(3);
});

test("topicsPerClientMax: a client that follows too much is refused the next topic, and a bystander is told on", async () => {
  const hub = await testHub({ limits: { topicsPerClientMax: 2 } });
  const greedy = await ScriptedPeer.client(hub, "viewer");
  for (const id of [1, 2, 3]) greedy.send({ type: "follow", id, topic: "data", of: "" });
  const refused = await greedy.next("live", ({ error }) => error !== undefined);
  expect(refused.message).toMatchObject({ id: 3, error: { code: "TOO_MANY" } });
  await follow(await ScriptedPeer.client(hub, "viewer"), "data").when(({ values }) => values.count === 0);
});

test("liveRowsMax: of more workers a page is told of the latest, and how many there are besides", async () => {
  const hub = await testHub({ limits: { liveRowsMax: 2 } });
  for (const name of ["ann", "bob", "cid"]) await ScriptedPeer.worker(hub, { name });
  const seen = follow(await ScriptedPeer.client(hub, "viewer"), "overview");
  const { tables, values } = await seen.when(() => true);
  expect([...tables.identities!.values()]).toMatchObject([{ name: "bob" }, { name: "cid" }]);
  expect(values.omitted).toMatchObject({ workers: 1 });
});

test("liveIntervalMs: what changes within an interval is told together", async () => {
  const hub = await testHub({ limits: { liveIntervalMs: 3_600_000 } });
  const viewer = await ScriptedPeer.client(hub, "viewer");
  viewer.send({ type: "follow", id: 1, topic: "overview", of: "" });
  await viewer.next("live");
  await ScriptedPeer.worker(hub);
  // An answer that was asked for later comes behind everything that was sent before.
  await viewer.call("status");
  expect(viewer.pending("live")).toEqual([]);
  expect(defaultLimits.liveIntervalMs).toBe(250);
});

test("who stops to follow is told no more", async () => {
  const hub = await testHub({ limits: { liveIntervalMs: 1 } });
  const viewer = await ScriptedPeer.client(hub, "viewer");
  const seen = follow(viewer, "overview");
  await seen.when(() => true);
  seen.stop();
  await viewer.call("status");
  const told = seen.states.length;
  const other = follow(await ScriptedPeer.client(hub, "viewer"), "overview");
  await ScriptedPeer.worker(hub);
  await other.when(({ tables }) => tables.identities!.size === 1);
  await viewer.call("status");
  expect(seen.states.length).toBe(told);
});
