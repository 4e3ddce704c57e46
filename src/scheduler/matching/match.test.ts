import { expect, test } from "vitest";
import { jobSpec, ScheduledCluster, workerDescription } from "../../../test/support/scheduled-cluster.ts";
import { projectOf } from "../../protocol/index.ts";
import { jobIds, jobView, workerView } from "../index.ts";
import { lackOf } from "./match.ts";

const tables = `lab/tables@sha256:${"a".repeat(64)}`;

type Options = Parameters<typeof jobSpec>[1];

test.each<[worker: Parameters<typeof workerDescription>[1], job: Options, lack: string | undefined]>([
  [{}, {}, undefined],
  [{ sandbox: "none" }, {}, "has a sandbox"],
  [{ sandbox: "trusted" }, {}, undefined],
  [{}, { needs: { platform: "linux", arch: "x64", cores: 4 } }, undefined],
  [{}, { needs: { platform: "darwin" } }, "runs on the platform darwin"],
  [{}, { needs: { arch: "arm64" } }, "has the architecture arm64"],
  [{}, { needs: { cores: 5 } }, "has 5 cores"],
  [{ memoryBytes: 2 ** 29 }, { memoryBytes: 2 ** 30 }, "has 1024 MiB of memory"],
  [{ memoryBytes: 2 ** 29 }, { needs: { memoryBytes: 2 ** 29 + 1 } }, "has 513 MiB of memory"],
  [{ labels: ["gpu", "lab"] }, { needs: { labels: ["lab", "gpu"] } }, undefined],
  [{ labels: ["gpu"] }, { needs: { labels: ["lab", "gpu"] } }, "has the label lab"],
  [{ projects: ["a", "b"] }, { project: "b" }, undefined],
  [{ projects: ["a"] }, { project: "b" }, "serves the project b"],
  [{ capabilities: [] }, { needs: { capabilities: ["node"] } }, "has the capability node"],
  [{ allowNet: ["*"] }, { net: ["www.example.org"] }, undefined],
  [{ allowNet: ["*"] }, { net: ["www.example.org", "localhost:80"] }, "allows net access to localhost:80"],
  [{}, { net: ["www.example.org"] }, "allows net access to www.example.org"],
  [{}, { image: tables }, "allows containers of lab/tables"],
  [{ allowImages: ["lab/*"] }, { image: tables }, undefined],
  [{ allowImages: [tables] }, { image: tables.replace("a", "b") }, "allows containers of lbb/tables"],
  [{ allowImages: [] }, {}, undefined],
  [{ signedOnly: true }, {}, "runs code that no submitter of its project signed"],
  [{ signedOnly: true }, { proof: new Uint8Array(1) }, undefined],
  [{ signedOnly: false }, {}, undefined],
])("%j for %j: lacks %s", (worker, job, lack) => {
  const spec = jobSpec("job", job);
  const { task, options } = spec;
  const wishes = {
    needs: options.needs,
    net: task.net,
    image: task.image,
    project: projectOf(spec),
    memoryBytes: task.memoryBytes,
    signed: task.proof !== undefined,
  };
  expect(lackOf(wishes, workerDescription("w", worker))).toBe(lack);
});

const waitingOf = (cluster: ScheduledCluster, job = "job") => jobView(cluster.state, job)!.waiting;

test("a job that nobody can serve says why, in plain words", () => {
  const cluster = new ScheduledCluster().job("job", 2, { net: ["www.example.org"] });
  expect(waitingOf(cluster)).toBe("no worker is connected");
  cluster.worker("w1").worker("w2");
  expect(waitingOf(cluster)).toBe("no connected worker allows net access to www.example.org");
  cluster.worker("w3", { sandbox: "none", allowNet: ["*"] });
  expect(waitingOf(cluster)).toBe(
    "no connected worker allows net access to www.example.org and meets its other needs",
  );
  cluster.lose("w1").lose("w2");
  expect(waitingOf(cluster)).toBe("no connected worker has a sandbox");
  cluster.worker("w4", { allowNet: ["*"], slots: 0 });
  expect(waitingOf(cluster)).toBe("the workers that could serve it take no new work");
  cluster.send({ type: "WorkerHeard", worker: "w4", slots: 1 });
  expect(waitingOf(cluster)).toBe("");
  cluster.report("w4", { fail: { 0: "refused" } });
  expect(waitingOf(cluster)).toBe("every worker that could serve it refused it");
});

test("a job that only waits its turn says nothing", () => {
  const cluster = new ScheduledCluster().worker("w").job("first", 1).job("job", 1).submit("empty");
  expect([waitingOf(cluster), waitingOf(cluster, "empty")]).toEqual(["", ""]);
});

test("only workers that match are given a job", () => {
  const cluster = new ScheduledCluster().worker("w").worker("arm", { arch: "arm64" });
  cluster.job("job", 5, { needs: { arch: "arm64" } });
  expect([cluster.leasesOf("w").length, cluster.leasesOf("arm").length]).toEqual([0, 1]);
});

test("what runs, what waits and what was tried is counted", () => {
  const cluster = new ScheduledCluster().worker("w", { slots: 2 });
  cluster.job("job", 10, { retries: 1, backoffMs: 1_000 }).report("w", { ms: 1_000, fail: { 0: "error" } });
  expect(jobView(cluster.state, "job")).toMatchObject({
    size: 10,
    sealed: true,
    state: "running",
    done: 0,
    failed: 0,
    running: 2,
    retrying: 1,
  });
  expect(workerView(cluster.state, "w")).toMatchObject({
    slots: 2,
    busySlots: 2,
    draining: false,
    jobs: ["job"],
  });
  expect([...jobIds(cluster.state)]).toEqual(["job"]);
  expect([jobView(cluster.state, "none"), workerView(cluster.state, "none")]).toEqual([undefined, undefined]);
});
