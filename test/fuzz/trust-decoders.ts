import { decode, encode } from "cborg";
import { decodeContainer, encodeContainer } from "../../src/protocol/index.ts";
import {
  checkTask,
  createInvite,
  endorseInvite,
  openProof,
  openRelease,
  parseEndorsement,
  publicKeyOf,
  signCertificate,
  signManifest,
  signRelease,
} from "../../src/security/index.ts";
import { parseEntry } from "../../src/worker/diary/entry.ts";
import { denialIn } from "../../src/worker/executors/denial.ts";
import type { Decoder } from "./decoders.ts";

/* What is signed along a project's chain, and what a volunteer's log is made of. */

const text = new TextEncoder();
const untext = new TextDecoder();
const root = new Uint8Array(32).fill(9);
const submitter = new Uint8Array(32).fill(10);
const projectKey = publicKeyOf(root);
const checks = { rootKey: projectKey, project: "weather", nowMs: 1 };

const certificate = signCertificate(
  { publicKey: publicKeyOf(submitter), project: "weather", notAfterMs: 9, label: "ana", serial: "1" },
  root,
);
const manifest = {
  bundle: "b",
  project: "weather",
  entries: ["export:f"],
  net: ["api.example.org"],
  memoryBytes: 5,
  timeoutMs: 5,
  partitions: 0,
};
const proof = signManifest(manifest, certificate, submitter);
const asks = { net: ["api.example.org"], memoryBytes: 1 };
const made = createInvite({
  hubSecretKey: root,
  url: "http://hub:1",
  role: "submitter",
  project: "weather",
  issuedAtMs: 0,
  expiresAtMs: 9,
});
const endorsed = endorseInvite(made.invite, {
  projectKey,
  asks,
  signer: { certificate, secretKey: submitter },
});

/** What a certified submitter may sign, whatever it is; undefined where it cannot even be written. */
function signedBy(bytes: Uint8Array): Uint8Array | undefined {
  try {
    const [bundle, entries, net, memoryBytes] = decode(bytes) as never[];
    return signManifest({ ...manifest, bundle, entries, net, memoryBytes } as never, certificate, submitter);
  } catch {
    return undefined;
  }
}

export const trustDecoders: readonly Decoder[] = [
  { name: "proofs of code", samples: [proof], decode: (bytes) => void openProof(bytes, checks) },
  {
    name: "proofs of tasks",
    samples: [proof],
    decode: (bytes) => {
      const task = { bundle: "b", entry: "export:f", title: "f", timeoutMs: 5, memoryBytes: 5, net: [] };
      checkTask({ ...task, proof: bytes }, checks);
    },
  },
  {
    name: "manifests that are signed",
    samples: [new Uint8Array(encode(["b", ["export:f"], ["api.example.org"], 5]))],
    decode: (bytes) => {
      const signed = signedBy(bytes);
      if (signed !== undefined) openProof(signed, checks);
    },
  },
  {
    name: "containers as tasks",
    samples: [encodeContainer({ image: `a/b@sha256:${"0".repeat(64)}`, command: ["run"], mode: "lines" })],
    decode: (bytes) => void decodeContainer(bytes),
  },
  {
    name: "a hub's word on its program",
    samples: [signRelease({ version: "1.2.3", digest: root, archive: submitter, archiveBytes: 5 }, 6, root)],
    decode: (bytes) => void openRelease(bytes, projectKey),
  },
  {
    name: "endorsements of invites",
    samples: [text.encode(endorsed.slice(endorsed.indexOf(".", endorsed.indexOf("#")) + 1))],
    decode: (bytes) => void parseEndorsement(untext.decode(bytes)),
  },
  {
    name: "permission checks of sandboxes",
    samples: [text.encode('{"v":1,"permission":"net","value":"http://10.0.0.1:80/x"}')],
    decode: (bytes) => void denialIn(untext.decode(bytes), ["*"]),
  },
  {
    name: "entries of a worker's log",
    samples: [text.encode('{"fromMs":1,"untilMs":2,"hub":"h","project":"p","denied":[]}')],
    decode: (bytes) => void parseEntry(untext.decode(bytes)),
  },
];
