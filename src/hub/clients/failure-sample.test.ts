import { expect, test } from "vitest";
import {
  decodeFailure,
  eachRecord,
  encodeFailure,
  type FailureSample,
  packRecords,
} from "../../protocol/index.ts";
import { jobSpec, numbered, ScriptedPeer, testHub } from "../testing/peer.ts";

const failure = { kind: "error", name: "TypeError", message: "no such tile", stack: "at render" } as const;

test("of failures that look alike one is given with its stack and what the task was given", async () => {
  const hub = await testHub();
  const client = await ScriptedPeer.client(hub);
  const worker = await ScriptedPeer.worker(hub, { name: "ann" });
  const spec = jobSpec();
  client.submit(spec, 1);
  client.watch(spec.job);
  const lease = await worker.next("lease");
  const failures = [{ at: 0, kind: "error", fingerprint: "TypeError: no such tile" }] as const;
  worker.report(lease, { failures }, packRecords([encodeFailure(failure)]));
  await client.next("ended");
  const params = { job: spec.job, fingerprint: "TypeError: no such tile" };
  const sample = await client.call<FailureSample>("failure", params);
  const [record] = eachRecord(sample.failure);
  expect(decodeFailure(record!)).toMatchObject(failure);
  expect([sample.input, sample.worker]).toEqual([0, "ann"]);
  expect(Buffer.compare(sample.given!, numbered(1))).toBe(0);
});

test("viewers and those of other projects are not given what a task was given", async () => {
  const hub = await testHub();
  const client = await ScriptedPeer.client(hub);
  const spec = jobSpec();
  client.submit(spec, 1);
  await client.next("accepted");
  const params = { job: spec.job, fingerprint: "none" };
  await expect(client.call("failure", params)).rejects.toMatchObject({ code: "NOT_FOUND" });
  const viewer = await ScriptedPeer.client(hub, "viewer");
  await expect(viewer.call("failure", params)).rejects.toMatchObject({ code: "FORBIDDEN" });
});
