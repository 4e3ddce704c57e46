import { cidOf } from "../../src/data/index.ts";
import { PROTOCOL_VERSION } from "../../src/protocol/index.ts";
import type { Random } from "../../src/simulator/index.ts";

/* One right header of each kind that a peer or a hub may say; as plain data, before it is packed. */

const task = {
  bundle: "bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
  entry: "export:double",
  title: "double",
  timeoutMs: 1_000,
  memoryBytes: 2 ** 28,
  net: ["example.org", "*.example.org:443"],
};

const stage = { kind: "map", partitions: 8 } as const;

/** What a worker says of itself. */
export const fuzzWorker = {
  name: "fuzz",
  version: "0.0.0",
  platform: "linux",
  arch: "arm64",
  cores: 4,
  memoryBytes: 2 ** 33,
  slots: 2,
  sandbox: "trusted" as const,
  engineClass: "v8-13",
  allowNet: ["example.org"],
  labels: ["lab"],
  capabilities: ["node"],
  speed: 1,
};

const job = "01890000-0000-7000-8000-000000000000";

const spec = {
  job,
  title: "double",
  task,
  options: {
    retries: 1,
    backoffMs: 10,
    maxAttempts: 3,
    priority: -1,
    needs: { platform: "linux", labels: ["lab"] },
    attached: false,
  },
};

/** What a peer says to a hub. */
export const peerHeaders: readonly object[] = [
  {
    type: "whereabouts",
    places: [{ network: "lan", address: "192.168.0.5" }],
    port: 7_078,
    key: new Uint8Array(32),
    nowMs: 12.5,
  },
  { type: "holds", add: [cidOf(new Uint8Array(1))], drop: [cidOf(new Uint8Array(2))] },
  {
    type: "locate",
    call: 3,
    cids: [cidOf(new Uint8Array(1)), "x"],
    faults: [{ worker: "w", fault: "wrong" }],
  },
  {
    type: "hello",
    version: PROTOCOL_VERSION,
    agent: "fuzz",
    grant: new Uint8Array(40),
    nonce: new Uint8Array(16),
    proof: new Uint8Array(64),
    key: new Uint8Array(32),
    keyProof: new Uint8Array(64),
    worker: fuzzWorker,
    leases: [{ lease: "lease", from: 3 }],
  },
  { type: "submit", spec, count: 1, sealed: true },
  { type: "submit", spec: { ...spec, shuffle: { partitions: 8 } }, count: 1, sealed: true },
  { type: "inputs", job, from: 0, count: 1, sealed: false },
  { type: "watch", job, results: true, order: "input", cursor: 0, creditBytes: 1, logs: true },
  { type: "credit", job, bytes: 2 ** 53 - 1 },
  { type: "unwatch", job },
  { type: "follow", id: 1, topic: "job", of: job },
  { type: "unfollow", id: 1 },
  { type: "cancel", job, reason: "", ranges: [0, 2 ** 53 - 1] },
  { type: "call", id: 1, method: "job", params: { job } },
  { type: "call", id: 2, method: "jobs", params: { limit: 3 } },
  { type: "call", id: 3, method: "status", params: {} },
  {
    type: "progress",
    lease: "l",
    from: 0,
    count: 3,
    prints: ["a", "b"],
    failed: [0, 0, 1, 2, 1, 0],
    elapsedMs: 1,
    done: true,
  },
  { type: "return", lease: "l", reason: "drain", message: "" },
  { type: "heartbeat", memoryBytes: 1, load: 0.5, slots: 1_024 },
  { type: "log", lease: "l", dropped: 2 ** 53 - 1 },
  { type: "save", lease: "l", position: 2 },
  { type: "leave" },
  { type: "asked", job: "j" },
  { type: "catalogue" },
  { type: "accounts" },
  { type: "uploaded", call: 3 },
  { type: "kept", cids: [task.bundle], partial: [task.bundle], refused: [task.bundle] },
  { type: "goodbye", code: "UNAUTHORIZED", message: "", hint: "" },
];

/** What a hub says to a peer. */
export const hubHeaders: readonly object[] = [
  { type: "near", anyone: true },
  { type: "forget", cids: [task.bundle] },
  {
    type: "located",
    call: 3,
    sources: [[{ worker: "w", address: "192.168.0.5", port: 7_078, token: "9.ab" }], []],
  },
  { type: "challenge", version: PROTOCOL_VERSION, hubKey: new Uint8Array(32), nonce: new Uint8Array(16) },
  { type: "lease", lease: "l", task, count: 3, from: 0, part: 3 },
  { type: "lease", lease: "l", task: { ...task, stage }, count: 3, from: 0, part: 3 },
  {
    type: "job",
    job,
    size: 8,
    sealed: true,
    done: 0,
    failed: 0,
    running: 0,
    state: "running",
    waiting: "",
    stages: [{ kind: "map", size: 3, sealed: false, done: 1, failed: 0, running: 2, lost: 1 }],
  },
  { type: "trim", lease: "l", keep: 1 },
  { type: "revoke", lease: "l", reason: "cancelled" },
  { type: "ack", lease: "l", upTo: 3 },
  { type: "drain" },
  { type: "ask", job: "j", task: { ...task, proof: new Uint8Array(3) } },
  { type: "catalogue" },
  { type: "accounts" },
  { type: "recall" },
  { type: "keep", cids: [task.bundle] },
  { type: "upload", call: 3, cids: [task.bundle] },
  { type: "accepted", job, size: 1, sealed: true },
  { type: "stored", job, size: 1 },
  { type: "ended", job, state: "done", reason: "", size: 1, failed: 0, done: 1 },
  { type: "ended", job, state: "broken", reason: "no", size: 8, failed: 0, culprit: 3 },
  { type: "reply", id: 1, value: { jobs: [] } },
  { type: "reply", id: 1, error: { code: "NOT_FOUND", message: "no", hint: "", retryable: false } },
  { type: "goodbye", code: "UNAUTHORIZED", message: "", hint: "" },
];

const oddities: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  2 ** 31,
  2 ** 53,
  Number.NaN,
  "",
  "x".repeat(5_000),
  "../../etc/passwd",
  "__proto__",
  [],
  [[]],
  [3, 1],
  [0, 2 ** 53],
  {},
  { type: "hello" },
  new Uint8Array(0),
  new Uint8Array(5_000),
];

/** A header in which a field or two, at any depth, is gone or is something else. */
export function altered(header: object, random: Random): object {
  const changed = structuredClone(header);
  for (let times = random.int(3); times > 0; times--) {
    let place = changed as Record<string, unknown>;
    for (;;) {
      const names = Object.keys(place);
      const name = names[random.int(names.length)];
      if (name === undefined) break;
      const inner = place[name];
      if (typeof inner === "object" && inner !== null && !ArrayBuffer.isView(inner) && random.chance(0.6)) {
        place = inner as Record<string, unknown>;
        continue;
      }
      if (random.chance(0.2)) delete place[name];
      else place[name] = structuredClone(oddities[random.int(oddities.length)]);
      break;
    }
  }
  return changed;
}
