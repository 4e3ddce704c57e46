import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FrameSender, PROTOCOL_VERSION } from "../../protocol/index.ts";
import { Bystander } from "../testing/bystander.ts";
import { describedWorker, jobSpec, numbered, ScriptedPeer, testHub } from "../testing/peer.ts";
import { rawExchange, rawLink } from "../testing/raw.ts";

/* Whatever anybody sends: it is answered with a code and closed, and nobody else notices. fast-check prints its seed. */

const RSS_GROWTH_BYTES_MAX = 200 * 1024 * 1024;
const rejections: unknown[] = [];
const onRejection = (reason: unknown) => void rejections.push(reason);
let rssBefore = 0;

beforeEach(() => {
  rejections.length = 0;
  rssBefore = process.memoryUsage.rss();
  process.on("unhandledRejection", onRejection);
});

afterEach(() => {
  process.off("unhandledRejection", onRejection);
  expect(rejections).toEqual([]);
  expect(process.memoryUsage.rss() - rssBefore).toBeLessThan(RSS_GROWTH_BYTES_MAX);
});

const codes = ["PROTOCOL", "LIMIT_EXCEEDED", "UNAUTHORIZED", "INVITE_MALFORMED", "VERSION_MISMATCH"];

/** Any value where another one is expected. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(null, -1, 0.5, 2 ** 53, Number.NaN, "", "x", true, [], {}, new Uint8Array(3)),
  fc.anything({
    maxDepth: 2,
    withBigInt: false,
    withDate: false,
    values: [fc.string(), fc.integer(), fc.boolean()],
  }),
);

const spec = jobSpec();
/** One right header of each kind that a peer may say. */
const rightHeaders: readonly Record<string, unknown>[] = [
  { type: "submit", spec, count: 1, sealed: true },
  { type: "inputs", job: spec.job, from: 0, count: 1, sealed: false },
  { type: "watch", job: spec.job, results: true, order: "input", cursor: 0, creditBytes: 1, logs: true },
  { type: "credit", job: spec.job, bytes: 2 ** 53 - 1 },
  { type: "unwatch", job: spec.job },
  { type: "cancel", job: spec.job, reason: "", ranges: [0, 2 ** 53 - 1] },
  { type: "call", id: 1, method: "job", params: { job: spec.job } },
  { type: "progress", lease: "l", from: 0, count: 1, prints: [], failed: [], elapsedMs: 1, done: true },
  { type: "return", lease: "l", reason: "drain", message: "" },
  { type: "heartbeat", memoryBytes: 1, load: 0, slots: 1024 },
  { type: "log", lease: "l", dropped: 2 ** 53 - 1 },
  { type: "leave" },
  { type: "goodbye", code: "x", message: "", hint: "" },
  {
    type: "hello",
    version: PROTOCOL_VERSION,
    agent: "x",
    grant: new Uint8Array(40),
    nonce: new Uint8Array(16),
    proof: new Uint8Array(64),
    key: new Uint8Array(32),
    keyProof: new Uint8Array(64),
    worker: describedWorker(),
    leases: [],
  },
];

/** A right header in which some fields are gone, or are something else. */
const header = fc
  .tuple(
    fc.constantFrom(...rightHeaders),
    fc.array(fc.tuple(fc.nat(8), fc.option(anything)), { maxLength: 2 }),
  )
  .map(([right, changes]) => {
    const changed: Record<string, unknown> = { ...right };
    for (const [at, value] of changes) {
      const names = Object.keys(changed);
      const name = names[at % names.length] ?? "type";
      if (value === null) delete changed[name];
      else changed[name] = value;
    }
    return changed;
  });

const body = fc.oneof(
  fc.constant(numbered(1)),
  fc.uint8Array({ maxLength: 50 }),
  // Lengths of records that are not there.
  fc.constant(new Uint8Array([0xff, 0xff, 0xff, 0xff, 0x0f])),
);
const messages = fc.array(fc.tuple(header, body), { minLength: 1, maxLength: 6 });

test("random bytes, and frames that are cut, end with a code", async () => {
  const hub = await testHub({ limits: { handshakeTimeoutMs: 2_000 } });
  const bystander = await Bystander.at(hub);
  const frame = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(header, body, fc.nat(300)).map(([head, bytes, length]) => {
      const whole = new FrameSender().encode(head, bytes);
      return whole.subarray(0, length % whole.length);
    }),
  );
  await bystander.during(() =>
    fc.assert(
      fc.asyncProperty(frame, async (bytes) => {
        const { socket, goodbye } = await rawLink(hub);
        socket.send(bytes);
        expect(codes).toContain((await goodbye)?.code);
      }),
      { numRuns: 60, endOnFailure: true },
    ),
  );
});

test("before the handshake no message does anything, whatever is in it", async () => {
  const hub = await testHub({ limits: { handshakeTimeoutMs: 2_000 } });
  const bystander = await Bystander.at(hub);
  await bystander.during(() =>
    fc.assert(
      fc.asyncProperty(messages, async (sequence) => {
        const { socket, goodbye } = await rawLink(hub);
        const sender = new FrameSender();
        for (const [head, bytes] of sequence) socket.send(sender.encode(head, bytes));
        expect(codes).toContain((await goodbye)?.code);
      }),
      { numRuns: 60, endOnFailure: true },
    ),
  );
  expect(hub.coordinator.jobs.get(spec.job)).toBeUndefined();
});

test("behind the handshake, of clients and workers alike, it ends its own connection at most", async () => {
  const hub = await testHub();
  const bystander = await Bystander.at(hub);
  const roles = fc.constantFrom("admin", "submitter", "viewer", "worker" as const);
  await bystander.during(() =>
    fc.assert(
      fc.asyncProperty(roles, messages, async (role, sequence) => {
        const worker = role === "worker" ? describedWorker({ name: "fuzz", slots: 0 }) : undefined;
        const peer = new ScriptedPeer(hub.invite({ role }), worker);
        await peer.link.start();
        for (const [head, bytes] of sequence) peer.link.send(head, bytes);
        const ask = () => peer.call("status");
        // A worker has nothing to ask; its last word is one too many.
        const last = async () => peer.send({ type: "nonsense" });
        const down = await peer.nextDownOr(
          role === "worker" ? () => last().then(() => new Promise(() => {})) : ask,
        );
        peer.link.close();
        if (down !== undefined) expect([...codes, "FORBIDDEN", "HUB_UNREACHABLE"]).toContain(down.code);
      }),
      { numRuns: 80, endOnFailure: true },
    ),
  );
  await bystander.works();
});

test("what is no HTTP, or too much of it, is answered and closed", async () => {
  const hub = await testHub({ limits: { handshakeTimeoutMs: 200 } });
  const bystander = await Bystander.at(hub);
  const line = fc.string({ unit: "binary-ascii", minLength: 1, maxLength: 40 });
  const request = fc.oneof(
    line.map((text) => `${text}\r\n\r\n`),
    line.map((text) => `GET / HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n${text}: x\r\n\r\n`),
    line.map((text) => `GET /${encodeURI(text)} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n`),
    fc.constant(`GET / HTTP/1.1\r\nHost: hub\r\n${"a: b\r\n".repeat(5_000)}\r\n`),
    fc.constant("PUT /blobs/x HTTP/1.1\r\nHost: hub\r\nConnection: close\r\nContent-Length: -1\r\n\r\n"),
    fc.constant("PUT /blobs/x HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    fc.constant("GET /link HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
  );
  await bystander.during(() =>
    fc.assert(
      fc.asyncProperty(request, async (text) => {
        const answer = await rawExchange(hub, text);
        if (answer !== "") expect(answer).toMatch(/^HTTP\/1\.1 (200|4\d\d) /);
      }),
      { numRuns: 40, endOnFailure: true },
    ),
  );
});
