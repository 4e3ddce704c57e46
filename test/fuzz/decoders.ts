import {
  cidOf,
  codecOf,
  decodeBlobRef,
  decodeNode,
  decodeSegment,
  encodeBlobRef,
  encodeSegment,
  parseCid,
  TreeBuilder,
} from "../../src/data/index.ts";
import {
  Arena,
  beginRun,
  decodeKey,
  encodeKey,
  endRun,
  pushPair,
  RunCursor,
  runsIn,
} from "../../src/data/pairs/index.ts";
import { MemoryFiles } from "../../src/data/testing/memory-files.ts";
import { encodeGroup, HEAD_BYTES } from "../../src/engine/embedded/frame.ts";
import { framesBeyond } from "../../src/engine/embedded/frame-reader.ts";
import { decodeSegmentHeader, encodeSegmentHeader } from "../../src/engine/embedded/segment.ts";
import { parseByteRange } from "../../src/hub/http/http.ts";
import {
  decodeLedgerRecord,
  encodeLedgerRecord,
  type LedgerRecord,
} from "../../src/hub/journal/ledger-record.ts";
import { LeaseSeal } from "../../src/hub/leases/lease-seal.ts";
import { parseBackup, renderBackup } from "../../src/hub/opening/backup.ts";
import { openAccounts } from "../../src/hub/recovery/accounts-statement.ts";
import { openCatalogue } from "../../src/hub/recovery/catalogue.ts";
import {
  asFileValue,
  countRecords,
  decodeFailure,
  decodeFrame,
  decodeResumed,
  decodeUnsendable,
  decodeValue,
  defaultLimits,
  encodeFailure,
  encodeFrame,
  encodeOutputs,
  encodeResumed,
  encodeUnsendable,
  encodeValue,
  FrameReceiver,
  FrameSender,
  filesIn,
  isResumed,
  isUnsendable,
  MusketeersError,
  netAllows,
  openOutputs,
  packRecords,
  parseHubMessage,
  parsePeerMessage,
  sliceRecords,
} from "../../src/protocol/index.ts";
import {
  ACCOUNTS,
  CATALOGUE,
  createInvite,
  openGrant,
  openStatement,
  parseInvite,
  publicKeyOf,
  signStatement,
} from "../../src/security/index.ts";
import {
  encodeFileBytes,
  encodeFileClose,
  encodeFileCreate,
  encodeFileCredit,
  encodeFileFinish,
  encodeFileOpen,
} from "../../src/worker/executors/sandbox/file-frames.ts";
import {
  decodeLog,
  decodePiece,
  decodeResults,
  encodeLog,
  encodePieces,
  encodeResults,
  FrameReader as SandboxFrames,
} from "../../src/worker/executors/sandbox/frames.ts";
import { SandboxFiles } from "../../src/worker/executors/sandbox/sandbox-files.ts";
import { hubHeaders, peerHeaders } from "./headers.ts";
import { storedDecoders } from "./stored-decoders.ts";
import { trustDecoders } from "./trust-decoders.ts";

/*
 * All that takes bytes apart which somebody else made: peers, tasks, disks, people who paste. Each is given right
 * samples first, unchanged, so that it is known to get past their beginning.
 */

export interface Decoder {
  readonly name: string;
  readonly samples: readonly Uint8Array[];
  decode(bytes: Uint8Array): void | Promise<void>;
  /** Of what the others get, where each takes long. */
  readonly share?: number;
  /** What it may throw besides coded errors. */
  readonly mayThrow?: (error: unknown) => boolean;
}

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();
const bytesOf = (text: string): Uint8Array => utf8.encode(text);
/** Behind the length and the kind of a sandbox's frame. */
const payloadOf = (frame: Uint8Array): Uint8Array => frame.slice(5);

const secret = new Uint8Array(32).fill(7);
const catalogued = {
  name: "books",
  cid: "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
  bytes: 3,
  files: 1,
  createdAtMs: 1,
  owner: "alice",
  replicas: 2,
};
const values: readonly unknown[] = [
  null,
  -0,
  Number.NaN,
  2 ** 53,
  10n ** 30n,
  "naïve 🐙",
  [1, [2, [3, []]]],
  { b: 1, a: [undefined, true], "": new Date(0) },
  new Map<unknown, unknown>([[{ x: 1 }, new Set([1, "1"])]]),
  new Uint8Array([1, 2, 3]),
  new Float64Array([0.5, -1]),
];
const records = values.map(encodeValue);
const block = packRecords(records);
const failure = encodeFailure({ kind: "error", name: "TypeError", message: "no", stack: "at x (y.ts:1:2)" });
const seal = new LeaseSeal(secret);
const sealed = seal.seal({
  descriptor: {
    job: "j",
    worker: "w",
    ranges: [
      [0, 3],
      [9, 10],
    ],
    failures: 0,
    strikes: 1,
  },
  epoch: 3,
  holder: "g",
});
const { invite } = createInvite({
  url: "http://hub.example:4711",
  hubSecretKey: secret,
  role: "worker",
  project: "default",
  issuedAtMs: 1,
  expiresAtMs: 2 ** 42,
  random: (length) => new Uint8Array(length).fill(length),
});
const ledger: readonly LedgerRecord[] = [
  { type: "inputs", job: "j", from: 0, count: 3 },
  { type: "sealed", job: "j" },
  {
    type: "results",
    job: "j",
    worker: "w",
    ranges: [[0, 3]],
    failures: [{ at: 1, kind: "error", fingerprint: "f" }],
    retries: [{ failures: 1, strikes: 0, ranges: [[4, 5]] }],
  },
  { type: "failed", job: "j", ranges: [[5, 6]], kind: "quarantined", reason: "r" },
  { type: "waiting", job: "j", retries: [{ failures: 1, strikes: 0, ranges: [[4, 5]] }] },
  { type: "carve", job: "j", mark: 9 },
  { type: "ended", job: "j", state: "done", reason: "", atMs: 1 },
  { type: "lost", job: "j#map", ranges: [[0, 3]] },
  { type: "gone", job: "j#map", ranges: [[0, 3]] },
  { type: "ended", job: "j", state: "broken", reason: "r", atMs: 1, culprit: 2 },
  { type: "checkpointed", mark: 1, jobs: 1 },
];
const group = encodeGroup([[bytesOf("one"), bytesOf("two")]], {
  salt: 1,
  position: 40,
  synced: 40,
  previous: 0,
  scratch: new Uint8Array(1_024),
});

/** A file's node and a folder's. */
const nodes: Uint8Array[] = [];
const nodeName = cidOf(new Uint8Array(0), "dag-pb");
const tree = new TreeBuilder({ put: (cid, bytes) => void (codecOf(cid) === "dag-pb" && nodes.push(bytes)) });
tree.add("a/b.txt", { cid: cidOf(block), bytes: 5, treeBytes: 5 });
await tree.end();

const isRangeError = (error: unknown): boolean => error instanceof RangeError;

const keys = ["a\0b", -1.5, 2n ** 70n, ["x", [null, true], Uint8Array.of(0, 1)], new Date(5)].map(encodeKey);

function encodeRuns(parts: readonly Uint8Array[]): Uint8Array {
  const arena = new Arena();
  for (const part of parts) {
    const start = beginRun(arena);
    pushPair(arena, part, part);
    endRun(arena, start);
  }
  return arena.take();
}

const ofPeers: readonly Decoder[] = [
  {
    name: "frames",
    samples: [...peerHeaders, ...hubHeaders].map((header) => new FrameSender().encode(header, block)),
    decode: (bytes) => void new FrameReceiver().decode(bytes, defaultLimits),
  },
  {
    name: "messages of peers",
    samples: peerHeaders.map((header) => encodeFrame(header, block)),
    decode: (bytes) => void parsePeerMessage(decodeFrame(bytes, defaultLimits).header),
  },
  {
    name: "messages of hubs",
    samples: hubHeaders.map((header) => encodeFrame(header, block)),
    decode: (bytes) => void parseHubMessage(decodeFrame(bytes, defaultLimits).header),
  },
  {
    name: "blocks of records",
    samples: [block, packRecords([]), packRecords([new Uint8Array(300)])],
    decode: (bytes) => {
      const count = countRecords(bytes);
      if (count > 0) sliceRecords(bytes, 0, count - 1);
    },
  },
  { name: "values", samples: records, decode: (bytes) => void decodeValue(bytes) },
  { name: "failures", samples: [failure], decode: (bytes) => void decodeFailure(bytes) },
  {
    name: "rows of outputs",
    samples: [
      encodeOutputs([]),
      encodeOutputs([{ digest: secret, codec: "dag-pb", bytes: 2 ** 40 }, undefined]),
    ],
    decode: (bytes) => void openOutputs(bytes),
  },
  { name: "keys of pairs", samples: keys, decode: (bytes) => void decodeKey(bytes) },
  {
    name: "runs of pairs",
    samples: [encodeRuns(keys)],
    decode: (bytes) => {
      for (const run of runsIn(bytes)) {
        const cursor = new RunCursor(run);
        // Of what is there as a whole each step is done at once.
        while (cursor.next() === true);
      }
    },
  },
  {
    name: "references to blobs",
    samples: [encodeBlobRef(cidOf(block), block.length)],
    decode: (bytes) => void decodeBlobRef(bytes),
  },
  {
    name: "nodes of files and folders",
    samples: nodes,
    decode: (bytes) => void decodeNode(nodeName, bytes),
  },
  {
    name: "inputs with a state",
    samples: [encodeResumed(records[7]!, records[6]!)],
    decode: (bytes) => {
      if (isResumed(bytes)) decodeResumed(bytes);
    },
  },
  {
    name: "inputs that are no data",
    samples: [encodeUnsendable("a function")],
    decode: (bytes) => {
      if (isUnsendable(bytes)) decodeUnsendable(bytes);
    },
  },
  {
    name: "lease ids",
    samples: [bytesOf(sealed)],
    decode: (bytes) => void seal.open(fromUtf8.decode(bytes)),
  },
  {
    name: "grants",
    samples: [parseInvite(invite).grant],
    decode: (bytes) => void openGrant(bytes, publicKeyOf(secret), 2),
  },
  {
    name: "statements that a hub signed",
    samples: [signStatement({ about: CATALOGUE, sequence: 3, content: bytesOf("content") }, secret)],
    decode: (bytes) => void openStatement(bytes, CATALOGUE, publicKeyOf(secret)),
  },
  {
    name: "catalogues that are signed",
    samples: [encodeValue({ datasets: [catalogued], revoked: [] })],
    decode: (bytes) => {
      const signed = signStatement({ about: CATALOGUE, sequence: 3, content: bytes }, secret);
      openCatalogue(signed, secret);
    },
  },
  {
    name: "accounts that are signed",
    samples: [
      encodeValue({
        lifeMs: 0,
        credit: [["ana", "default", "Ana", 12.5, 3, 2.5, 1, 1_700_000_000_000]],
        people: [["ana", 12, 20, 1, [["bob", "eve"]]]],
      }),
    ],
    decode: (bytes) => {
      const signed = signStatement({ about: ACCOUNTS, sequence: 3, content: bytes }, secret);
      openAccounts(signed, secret);
    },
  },
  {
    name: "backups",
    samples: [
      bytesOf(
        renderBackup({
          createdAtMs: 1,
          secretKey: secret,
          rows: [],
          tls: undefined,
          rootKeys: new Map([["default", secret]]),
        }),
      ),
    ],
    decode: (bytes) => void parseBackup(fromUtf8.decode(bytes)),
  },
  {
    name: "invites",
    samples: [bytesOf(invite)],
    decode: (bytes) => void parseInvite(fromUtf8.decode(bytes)),
  },
  {
    name: "names of blobs",
    samples: [bytesOf(cidOf(block))],
    decode: (bytes) => void parseCid(fromUtf8.decode(bytes)),
  },
  {
    name: "byte ranges",
    samples: ["bytes=0-9", "bytes=5-", "bytes=-3"].map(bytesOf),
    decode: (bytes) => {
      const range = parseByteRange(fromUtf8.decode(bytes), 100);
      if (range !== undefined && !(range.start >= 0 && range.start < range.end && range.end <= 100)) {
        throw new Error(`a range of ${range.start} to ${range.end} of 100 bytes`);
      }
    },
  },
  {
    name: "wishes for hosts",
    samples: ["example.org", "*.example.org:443", "[::1]:80", "10.0.0.1"].map(bytesOf),
    decode: (bytes) => {
      const wish = fromUtf8.decode(bytes);
      netAllows(["*", "example.org:443"], wish);
    },
  },
];

const ofTasks: readonly Decoder[] = [
  {
    name: "frames of sandboxes",
    samples: [encodeResults(resultsOf(0)), encodeLog(3, block)],
    decode: (bytes) => {
      const reader = new SandboxFrames(1_000_000, () => {});
      for (let at = 0; at < bytes.length; at += 7) reader.push(bytes.subarray(at, at + 7));
    },
  },
  {
    name: "results of sandboxes",
    samples: [payloadOf(encodeResults(resultsOf(0))), payloadOf(encodeResults(resultsOf(2)))],
    decode: (bytes) => void decodeResults(bytes),
    mayThrow: isRangeError,
  },
  {
    name: "logs of sandboxes",
    samples: [payloadOf(encodeLog(3, block))],
    decode: (bytes) => void countRecords(decodeLog(bytes).block),
    mayThrow: isRangeError,
  },
  {
    name: "pieces of large results",
    samples: [...encodePieces(block)].map(payloadOf),
    decode: (bytes) => void decodePiece(bytes),
    mayThrow: isRangeError,
  },
];

const file = { cid: cidOf(block), bytes: 10, name: "a/b.txt" };
const part = { file, start: 3, end: 9, format: { kind: "lines" } } as const;
/** Without the length, so that the kind comes first. */
const kindAndPayloadOf = (frame: Uint8Array): Uint8Array => frame.slice(4);

const ofFiles: readonly Decoder[] = [
  {
    name: "what sandboxes say of files",
    samples: [
      encodeFileOpen(1, file, 0, 10, 100),
      encodeFileCredit(9, 50),
      encodeFileCreate(2, "out.txt"),
      encodeFileBytes(2, block),
      encodeFileFinish(2),
      encodeFileClose(9),
    ].map(kindAndPayloadOf),
    decode: (bytes) => {
      const store = new MemoryFiles();
      const pipe = { write: () => undefined };
      const files = new SandboxFiles({
        pipe,
        store: () => store,
        limits: defaultLimits,
        onWaiting: () => {},
      });
      files.receive(21, kindAndPayloadOf(encodeFileOpen(9, file, 0, 10, 100)).subarray(1));
      files.receive(bytes[0] ?? 0, bytes.subarray(1));
      files.end();
    },
    mayThrow: isRangeError,
  },
  {
    name: "segments of files",
    samples: [encodeSegment(part)],
    decode: (bytes) => void decodeSegment(bytes),
  },
  {
    name: "files in values",
    samples: [packRecords([encodeSegment(part), encodeValue([asFileValue(file)])])],
    decode: (bytes) => {
      for (const { bytes: size, cid } of filesIn(bytes))
        if (size < 0 || cid === "") throw new Error("no file");
    },
  },
];

const ofDisks: readonly Decoder[] = [
  {
    name: "the ledger",
    samples: ledger.map((record) => encodeLedgerRecord(record, block)),
    decode: (bytes) => void decodeLedgerRecord(bytes),
  },
  {
    name: "heads of segments",
    samples: [encodeSegmentHeader({ salt: 1, previous: 2, base: 3, recordsBefore: 4 })],
    decode: (bytes) => void decodeSegmentHeader(bytes),
  },
  {
    name: "frames behind damage",
    samples: [Uint8Array.from([...new Uint8Array(HEAD_BYTES), ...group.pieces[0]!.slice(0, group.bytes)])],
    decode: (bytes) => void framesBeyond(bytes, 20, 1),
  },
];

function resultsOf(failed: number): Parameters<typeof encodeResults>[0] {
  const failures = Array.from({ length: failed }, (_, at) => ({
    at,
    kind: "error" as const,
    fingerprint: "f",
  }));
  return { count: values.length, elapsedMs: 1, pending: false, failures, block };
}

export const decoders: readonly Decoder[] = [
  ...ofPeers,
  ...ofTasks,
  ...ofFiles,
  ...ofDisks,
  ...trustDecoders,
  ...storedDecoders,
];

/** A decoder gives something or throws a coded error; whatever else it does is said. */
export async function faultOf(decoder: Decoder, bytes: Uint8Array): Promise<string | undefined> {
  try {
    await decoder.decode(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof MusketeersError || decoder.mayThrow?.(error) === true) return undefined;
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  }
}
