import { decode, encode } from "cborg";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultLimits, type MusketeersError, parseTaskSpecValue, type TaskSpec } from "../protocol/index.ts";
import { type Certificate, signCertificate } from "./certificate.ts";
import { newSecretKey, publicKeyOf } from "./ed25519.ts";
import { checkTask, excessOf, type Manifest, openProof, signManifest } from "./manifest.ts";

const nowMs = 1_700_000_000_000;
const rootSecret = newSecretKey();
const submitterSecret = newSecretKey();
const checks = { rootKey: publicKeyOf(rootSecret), project: "weather", nowMs };
const certificate: Certificate = {
  publicKey: publicKeyOf(submitterSecret),
  project: "weather",
  notAfterMs: nowMs + 1000,
  label: "ana",
  serial: "1",
};
const manifest: Manifest = {
  bundle: "bafyCode",
  project: "weather",
  entries: ["export:main"],
  net: ["api.example.org"],
  memoryBytes: 1000,
  timeoutMs: 500,
  partitions: 0,
};
const signed = signCertificate(certificate, rootSecret);
const proof = signManifest(manifest, signed, submitterSecret);
const task: TaskSpec = {
  bundle: "bafyCode",
  entry: "export:main",
  title: "main",
  timeoutMs: 500,
  memoryBytes: 1000,
  net: ["api.example.org"],
  proof,
};

const refusal = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect((error as MusketeersError).code).toBe("UNTRUSTED_CODE");
    return (error as MusketeersError).message;
  }
  return "";
};

test("a task that keeps to what was signed is let in, and its submitter is known", () => {
  const checked = checkTask(task, checks);
  expect(checked.manifest).toEqual(manifest);
  expect(checked.certificate).toEqual(certificate);
  // What comes is bytes of its own, whoever encoded them.
  expect(proof.constructor).toBe(Uint8Array);
});

describe("a hub that swaps", () => {
  const swaps: Readonly<Record<string, [Partial<TaskSpec>, RegExp]>> = {
    "the code": [{ bundle: "bafyOther" }, /other code/],
    "the task": [{ entry: "export:other" }, /no task export:other/],
    "the hosts": [{ net: ["evil.example"] }, /does not ask for evil\.example/],
    "all hosts": [{ net: ["*"] }, /does not ask for \*/],
    "the memory": [{ memoryBytes: 1001 }, /less memory/],
    "the time": [{ timeoutMs: 501 }, /less time/],
    "the stage": [{ stage: { kind: "map", partitions: 4 } }, /another stage/],
    "the proof for none": [{ proof: new Uint8Array(0) }, /no certificate with a manifest/],
  };
  test.each(Object.entries(swaps))("%s is refused", (_what, [change, why]) => {
    expect(refusal(() => checkTask({ ...task, ...change }, checks))).toMatch(why);
  });

  test("a signed task for an unsigned one is refused", () => {
    const { proof: _proof, ...bare } = task;
    expect(refusal(() => checkTask(bare, checks))).toMatch(/not signed/);
  });

  test("the manifest for one that it signed itself is refused", () => {
    const own = signManifest({ ...manifest, bundle: "bafyOther" }, signed, newSecretKey());
    expect(refusal(() => checkTask({ ...task, bundle: "bafyOther", proof: own }, checks))).toMatch(
      /not signed by the key of its certificate/,
    );
  });

  test("the certificate for its own is refused", () => {
    const hubSecret = newSecretKey();
    const ownCertificate = signCertificate({ ...certificate, publicKey: publicKeyOf(hubSecret) }, hubSecret);
    const own = signManifest({ ...manifest, bundle: "bafyOther" }, ownCertificate, hubSecret);
    expect(refusal(() => checkTask({ ...task, bundle: "bafyOther", proof: own }, checks))).toMatch(
      /not of this project's owner/,
    );
  });
});

test("a certificate ends, and holds for its project only", () => {
  expect(refusal(() => openProof(proof, { ...checks, nowMs: nowMs + 1000 }))).toMatch(/ended/);
  expect(refusal(() => openProof(proof, { ...checks, project: "other" }))).toMatch(/is for weather/);
  const elsewhere = signManifest({ ...manifest, project: "other" }, signed, submitterSecret);
  expect(refusal(() => openProof(elsewhere, checks))).toMatch(/manifest is for other/);
  expect(refusal(() => openProof(proof, { ...checks, rootKey: publicKeyOf(newSecretKey()) }))).not.toBe("");
});

test("a certificate signs no manifest, and a manifest is no certificate", () => {
  const [, manifestBytes] = decode(proof) as Uint8Array[];
  expect(refusal(() => openProof(encode([manifestBytes, signed]), checks))).not.toBe("");
  expect(refusal(() => openProof(encode([signed, signed]), checks))).not.toBe("");
});

test("no changed bit and no other bytes are let in", () => {
  fc.assert(
    fc.property(fc.nat(proof.length * 8 - 1), (bit) => {
      const changed = proof.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(refusal(() => openProof(changed, checks))).not.toBe("");
    }),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      expect(refusal(() => openProof(bytes, checks))).not.toBe("");
    }),
  );
});

test("less than was signed is no excess", () => {
  expect(excessOf(manifest, { ...task, net: [], memoryBytes: 1, timeoutMs: 1 })).toBeUndefined();
  const shuffle = { ...manifest, partitions: 4 };
  expect(excessOf(shuffle, { ...task, stage: { kind: "reduce", partitions: 4 } })).toBeUndefined();
  expect(excessOf(shuffle, task)).toMatch(/another stage/);
});

test("proofBytesMax: a larger proof is no task's, and the largest manifest has room", () => {
  const hosts = Array.from({ length: 64 }, (_, at) => `${"x".repeat(250)}${at}`);
  const large = signManifest({ ...manifest, net: hosts }, signed, submitterSecret);
  expect(large.length).toBeLessThan(defaultLimits.proofBytesMax);
  expect(parseTaskSpecValue({ ...task, proof: large }).proof).toEqual(large);
  const over = new Uint8Array(defaultLimits.proofBytesMax + 1);
  expect(() => parseTaskSpecValue({ ...task, proof: over })).toThrow(/no byte string/);
});
