import { expect, test } from "vitest";
import { CONTAINER_CAPABILITY, type JobState, type TaskSpec } from "../../protocol/index.ts";
import { type Askable, Consents } from "./consents.ts";

const task = (net: readonly string[], memoryBytes = 1): TaskSpec => ({
  bundle: "b",
  entry: "export:f",
  title: "f",
  timeoutMs: 1,
  memoryBytes,
  net,
});

function setUp(consentRequestsMax = 10) {
  const told: string[] = [];
  const workers = new Map<string, Askable>();
  const jobs = new Map<string, { spec: { job: string; task: TaskSpec }; state: JobState }>();
  const consents = new Consents({
    workers,
    jobs: { get: (job) => jobs.get(job), submissions: () => jobs.values() },
    limits: { consentRequestsMax },
  });
  const join = (
    worker: string,
    allowNet: readonly string[] = [],
    memoryBytes = 100,
    allowImages?: readonly string[],
  ) => {
    const capabilities = allowImages === undefined ? [] : [CONTAINER_CAPABILITY];
    const images = allowImages === undefined ? {} : { allowImages };
    const askable = {
      worker,
      description: { allowNet, memoryBytes, capabilities, ...images },
      ask: (job: string) => void told.push(`${worker} ${job}`),
    };
    workers.set(worker, askable);
    consents.workerReady(askable);
  };
  const submit = (job: string, spec: TaskSpec) => {
    const entry = { spec: { job, task: spec }, state: "running" as JobState };
    jobs.set(job, entry);
    consents.jobAdded(entry);
    return entry;
  };
  return { told, consents, join, submit };
}

test("workers that lack a consent are told of jobs, before and after they joined, once", () => {
  const { told, join, submit } = setUp();
  submit("plain", task([]));
  submit("hungry", task(["a.org"]));
  join("w1");
  join("w2", ["a.org"]);
  submit("large", task([], 101));
  submit("late", task(["b.org"]));
  expect(told).toEqual(["w1 hungry", "w1 large", "w2 large", "w1 late", "w2 late"]);
});

test("of images only those are asked who run containers, and have not allowed them", () => {
  const { told, join, submit } = setUp();
  const image = `lab/tables@sha256:${"a".repeat(64)}`;
  submit("boxed", { ...task([]), image });
  join("none");
  join("any", [], 100, ["*"]);
  join("this", [], 100, [image]);
  join("other", [], 100, [`lab/tables@sha256:${"b".repeat(64)}`]);
  expect(told).toEqual(["other boxed"]);
});

test("those whose volunteers were asked are counted while they are there and the job waits", () => {
  const { consents, join, submit } = setUp();
  submit("hungry", task(["a.org"]));
  join("w1");
  join("w2");
  expect(consents.explain("hungry", "no connected worker allows it")).toBe("no connected worker allows it");
  consents.asked("w1", "hungry");
  consents.asked("w1", "hungry");
  consents.asked("w1", "never heard of");
  expect(consents.waitingFor("hungry")).toBe(1);
  consents.asked("w2", "hungry");
  expect(consents.explain("hungry", "no connected worker allows it")).toBe(
    "no connected worker allows it; 2 workers wait for the consent of their volunteers",
  );
  expect(consents.explain("hungry", "")).toBe("");
  consents.workerGone("w2");
  expect(consents.explain("hungry", "no")).toBe("no; 1 worker waits for the consent of their volunteers");
  expect(consents.waitingFor("never heard of")).toBe(0);
});

test("what was asked for a job that ended is forgotten", () => {
  const { consents, join, submit } = setUp();
  const first = submit("first", task(["a.org"]));
  join("w1");
  consents.asked("w1", "first");
  first.state = "done";
  submit("second", task([]));
  expect(consents.waitingFor("first")).toBe(0);
});

test("consentRequestsMax: one connection is told of so many jobs and no more", () => {
  const { told, join, submit } = setUp(3);
  for (let at = 0; at < 10; at++) submit(`job${at}`, task(["a.org"]));
  join("w1");
  expect(told).toHaveLength(3);
});
