import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultLimits, type TaskSpec } from "../../protocol/index.ts";
import {
  type Invite,
  newSecretKey,
  publicKeyOf,
  signCertificate,
  signManifest,
  signRevocations,
} from "../../security/index.ts";
import { SandboxPool } from "../slots/sandbox-pool.ts";
import {
  FakeExecutor,
  FakeHub,
  fakeCode,
  fakeDescription,
  fakeMachine,
  fakeTask,
} from "../testing/fake-hub.ts";
import { Agent } from "./agent.ts";
import type { WorkerNotice } from "./agent-options.ts";
import { CodeTrust } from "./code-trust.ts";

const project = "test";
const rootSecret = newSecretKey();
const endorsement = { projectKey: publicKeyOf(rootSecret), asks: { net: [], memoryBytes: 0 } };

/** What a submitter signs whom the holder of a root key certified. */
function proofOf(task: TaskSpec, root = rootSecret, notAfterMs = Number.MAX_SAFE_INTEGER): Uint8Array {
  const secretKey = newSecretKey();
  const certificate = signCertificate(
    { publicKey: publicKeyOf(secretKey), project, notAfterMs, label: "ana", serial: "1" },
    root,
  );
  const { bundle, entry, net, memoryBytes, timeoutMs } = task;
  const manifest = { bundle, project, entries: [entry], net, memoryBytes, timeoutMs, partitions: 0 };
  return signManifest(manifest, certificate, secretKey);
}

/** A list of certificates that were taken back. */
const revoking = (serials: readonly string[], issuedAtMs: number, root = rootSecret): Uint8Array =>
  signRevocations({ project, issuedAtMs, serials }, root);

describe("an agent whose invite names its project's key", () => {
  let hub: FakeHub;
  let executor: FakeExecutor;
  let agent: Agent;
  let notices: WorkerNotice[];
  let fetches: number;
  const fetchBefore = globalThis.fetch;

  beforeEach(async () => {
    fetches = 0;
    globalThis.fetch = async () => {
      fetches++;
      return new Response(fakeCode);
    };
    hub = new FakeHub();
    executor = new FakeExecutor();
    notices = [];
    const invite: Invite = { ...hub.invite, endorsement };
    agent = new Agent({
      invite,
      openSocket: hub.open,
      executor,
      machine: fakeMachine,
      pool: new SandboxPool(executor, defaultLimits),
      limits: defaultLimits,
      onNotice: (notice) => notices.push(notice),
      description: { ...fakeDescription, allowNet: ["*"] },
    });
    await agent.start();
  });

  afterEach(async () => {
    await agent.stop();
    globalThis.fetch = fetchBefore;
  });

  test("runs what was signed, and tells the hub that it runs nothing else", async () => {
    expect((await hub.until("hello")).message.worker).toMatchObject({ signedOnly: true });
    hub.lease("a", [1], { proof: proofOf(fakeTask) });
    await hub.until("progress", ({ done }) => done);
    expect(executor.started).toHaveLength(1);
  });

  const proof = proofOf(fakeTask);
  const swaps: Readonly<Record<string, Partial<TaskSpec>>> = {
    code: { proof, bundle: "bafkreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
    entry: { proof, entry: "export:g" },
    options: { proof, net: ["example.org"] },
    memory: { proof, memoryBytes: 2 },
    manifest: { proof: proof.map((byte, at) => (at === proof.length - 1 ? byte ^ 1 : byte)) },
    certificate: { proof: proofOf(fakeTask, newSecretKey()) },
    signature: {},
  };

  test.each(Object.entries(swaps))("refuses a swapped %s before it loads anything", async (_what, change) => {
    hub.lease("a", [1], change);
    const { message } = await hub.until("return");
    expect(message).toMatchObject({ reason: "refused", message: expect.stringContaining("UNTRUSTED_CODE") });
    expect(notices.at(-1)).toMatchObject({ type: "refused", task: "f", code: "UNTRUSTED_CODE" });
    expect(executor.started).toHaveLength(0);
    expect(fetches).toBe(0);
  });

  test("refuses what a revoked key signed, also what it ran before", async () => {
    const proof = proofOf(fakeTask);
    hub.lease("a", [1], { proof });
    await hub.until("progress", ({ done }) => done);
    hub.send({ type: "revocations", list: revoking(["1"], 5) });
    hub.lease("b", [1], { proof });
    expect((await hub.until("return")).message).toMatchObject({ lease: "b", reason: "refused" });
    expect(notices.at(-1)).toMatchObject({
      code: "UNTRUSTED_CODE",
      message: expect.stringContaining("has revoked"),
    });
  });

  test("does not run other code in the sandbox of what was signed", async () => {
    hub.lease("a", [1], { proof: proofOf(fakeTask) });
    await hub.until("progress", ({ done }) => done);
    hub.lease("b", [1]);
    expect((await hub.until("return")).message.lease).toBe("b");
    expect(executor.started).toHaveLength(1);
  });
});

test("a certificate that was good ends also for code that ran before", () => {
  let nowMs = 0;
  const trust = new CodeTrust({ endorsement, project }, () => nowMs);
  const task = { ...fakeTask, proof: proofOf(fakeTask, rootSecret, 1000) };
  expect(trust.check(task)?.certificate.label).toBe("ana");
  nowMs = 999;
  expect(trust.check(task)).toBe(trust.check({ ...task }));
  nowMs = 1000;
  expect(() => trust.check(task)).toThrow(/ended/);
});

test("the latest list of the project's owner counts, and nobody else's", () => {
  const trust = new CodeTrust({ endorsement, project }, () => 0);
  const task = { ...fakeTask, proof: proofOf(fakeTask) };
  trust.revoke(revoking(["1"], 5, newSecretKey()));
  trust.revoke(new Uint8Array(3));
  trust.revoke(revoking(["another"], 5));
  expect(trust.check(task)?.certificate.serial).toBe("1");
  trust.revoke(revoking(["1"], 7));
  expect(() => trust.check(task)).toThrow(/revoked/);
  trust.revoke(revoking([], 6));
  expect(() => trust.check(task)).toThrow(/revoked/);
});

test("without the project's key nobody can say whose code it is", () => {
  expect(new CodeTrust({ project }, () => 0).check(fakeTask)).toBeUndefined();
});
