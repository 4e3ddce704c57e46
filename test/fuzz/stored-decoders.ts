import { crc32, gzipSync } from "node:zlib";
import { InvalidArgumentError } from "commander";
import { chunkerArgument, parseDatasetPath } from "../../src/cli/arguments/dataset-argument.ts";
import {
  buildFile,
  cidOf,
  concatBytes,
  exportCar,
  type Format,
  importCar,
  packBlocks,
  parseCid,
  readSegment,
  unpackBlocks,
} from "../../src/data/index.ts";
import { MemoryFiles } from "../../src/data/testing/memory-files.ts";
import type { LogFile } from "../../src/engine/embedded/files.ts";
import { decodePackIndex, encodePackIndex } from "../../src/engine/embedded/packs/pack-index.ts";
import {
  blobIn,
  encodePackHead,
  encodeRecord,
  PACK_HEAD_BYTES,
  readRecordHead,
  recordBytes,
} from "../../src/engine/embedded/packs/pack-record.ts";
import { scanPack } from "../../src/engine/embedded/packs/pack-scan.ts";
import { decodeTable, encodeTable } from "../../src/engine/embedded/registry.ts";
import { RegistryTable } from "../../src/engine/registry-table.ts";
import { PageSessions } from "../../src/hub/pages/page-sessions.ts";
import { defaultLimits, parseDuration, parseSize } from "../../src/protocol/index.ts";
import {
  checkBlobPass,
  createInvite,
  parseInvite,
  publicKeyOf,
  signBlobPass,
} from "../../src/security/index.ts";
import { parseHours } from "../../src/worker/governor/hours.ts";
import type { Decoder } from "./decoders.ts";

/* What lies on disks as packs and registries, comes as streams of blocks and files, and what people write. */

const text = new TextEncoder();
const untext = new TextDecoder();
const secret = new Uint8Array(32).fill(11);

const blobs = ["one", "", "x".repeat(200)].map((content) => text.encode(content));
const named = blobs.map((bytes) => ({ cid: cidOf(bytes), bytes }));
const keyOf = (bytes: Uint8Array) => parseCid(cidOf(bytes));

function packOf(contents: readonly Uint8Array[]): Uint8Array {
  const size = contents.reduce((sum, { length }) => sum + recordBytes(length), PACK_HEAD_BYTES);
  const pack = new Uint8Array(size);
  pack.set(encodePackHead());
  let at = PACK_HEAD_BYTES;
  for (const bytes of contents) at += encodeRecord(pack, at, { key: keyOf(bytes), bytes });
  return pack;
}

const fileOf = (bytes: Uint8Array): LogFile => ({
  read: async (into, offset) => {
    const part = bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  },
  write: () => 0,
  sync: async () => {},
  truncate: async () => {},
  size: async () => bytes.length,
  close: async () => {},
});

async function scanned(bytes: Uint8Array): Promise<void> {
  const { rows, end } = await scanPack(fileOf(bytes), PACK_HEAD_BYTES, 1_024);
  if (end > Math.max(PACK_HEAD_BYTES, bytes.length + 64)) throw new Error(`a pack that ends at ${end}`);
  for (const { offset, bytes: size, digest, codec } of rows) {
    const record = bytes.subarray(offset, offset + recordBytes(size));
    if (blobIn(record, { digest, codec }) === undefined) throw new Error("a row for what is no blob");
  }
}

/** With the checksum that its maker would have put there. */
function withCheck(bytes: Uint8Array, at: number, from: number, to: number): Uint8Array {
  const copy = bytes.slice();
  new DataView(copy.buffer).setUint32(at, crc32(copy.subarray(from, to)), true);
  return copy;
}

const rows = blobs.map((bytes, at) => {
  return { ...keyOf(bytes), offset: 64 * at, bytes: bytes.length, usedAtMs: at };
});
const registry = new RegistryTable(() => 1, [], 3);
registry.put("a/b", text.encode("value"), {});
registry.put("c", new Uint8Array(0), { ttlMs: 5 });

const ofDisks: readonly Decoder[] = [
  {
    name: "records of packs",
    samples: blobs.map((bytes) => packOf([bytes]).slice(PACK_HEAD_BYTES)),
    decode: (bytes) => {
      // A reader asks for no less than a head.
      const padded = bytes.length < 64 ? new Uint8Array(64) : bytes;
      readRecordHead(padded, 0);
      const found = blobIn(padded, keyOf(blobs[0]!));
      if (found !== undefined && cidOf(found) !== cidOf(blobs[0]!)) throw new Error("another blob");
    },
  },
  { name: "packs", share: 0.02, samples: [packOf(blobs)], decode: scanned },
  {
    name: "indexes of packs",
    samples: [encodePackIndex({ covered: 640, rows }), encodePackIndex({ covered: 64, rows: [] })],
    decode: (bytes) => {
      decodePackIndex(bytes);
      const end = bytes.length - 4;
      if (end >= 0) decodePackIndex(withCheck(bytes, end, 0, end));
    },
  },
  {
    name: "registries",
    samples: [encodeTable(registry)],
    decode: (bytes) => void decodeTable("registry", bytes, () => 1),
  },
];

async function* inParts(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  const middle = bytes.length >> 1;
  yield bytes.subarray(0, middle);
  yield bytes.subarray(middle);
}

const nodes = new Map<string, Uint8Array>();
const sink = { put: (cid: string, bytes: Uint8Array) => void nodes.set(cid, bytes) };
const root = await buildFile([text.encode("a file in several pieces")], sink, { chunkBytes: 7 });
const source = { get: async (cid: string) => nodes.get(cid)! };
const car: Uint8Array[] = [];
for await (const part of exportCar(root.cid, source)) car.push(part);

/** A file's records, whatever it holds; it is the whole of one segment. */
const records = (format: Format) => async (bytes: Uint8Array) => {
  const files = new MemoryFiles(50);
  const file = files.add(bytes, "file");
  for await (const _ of readSegment({ file, start: 0, end: file.bytes, format }, files));
};
const lines = text.encode('{"a":1}\r\n[2,"ü"]\n\n"x"');
const table = text.encode('name,"the, value"\r\n"a ""b""",2\nc,3\n');

/** Made by `printf '{"a":1}\none two one two one two one two one two\n' | zstd -c -19`. */
const zstd = new Uint8Array(Buffer.from("KLUv/QRovQAAiHsiYSI6MX0Kb25lIHR3byAKAQA2dwlLwTvs", "base64"));

const ofStreams: readonly Decoder[] = [
  {
    name: "batches of blocks",
    samples: [packBlocks(named), packBlocks([])],
    decode: async (bytes) => {
      for await (const _ of unpackBlocks(inParts(bytes), defaultLimits.blockBytesMax));
    },
  },
  {
    name: "CARs",
    share: 0.2,
    samples: [
      concatBytes(
        car,
        car.reduce((sum, { length }) => sum + length, 0),
      ),
    ],
    decode: async (bytes) => {
      for (const cid of await importCar(inParts(bytes), { put: () => {} })) parseCid(cid);
    },
  },
  { name: "lines", samples: [lines, table], decode: records({ kind: "lines" }) },
  { name: "lines of JSON", samples: [lines], decode: records({ kind: "jsonl" }) },
  { name: "tables", share: 0.3, samples: [table], decode: records({ kind: "csv" }) },
  {
    name: "packed files",
    share: 0.05,
    samples: [new Uint8Array(gzipSync(lines)), zstd],
    decode: records({ kind: "lines" }),
  },
];

const { grant } = parseInvite(
  createInvite({
    url: "http://hub.example:4711",
    hubSecretKey: secret,
    role: "viewer",
    project: "default",
    issuedAtMs: 1,
    expiresAtMs: 2 ** 42,
  }).invite,
);
const sessions = new PageSessions({
  hubSecretKey: secret,
  hubKey: publicKeyOf(secret),
  pageSessionMs: 1_000,
  nowMs: () => 2,
  isRevoked: () => false,
});
const pass = { cid: cidOf(blobs[0]!), address: "10.0.0.1", untilMs: 9 };
const refusesArgument = (error: unknown): boolean => error instanceof InvalidArgumentError;

const ofPeople: readonly Decoder[] = [
  {
    name: "cookies of pages",
    samples: [text.encode(sessions.seal(grant).value)],
    decode: (bytes) => void sessions.open(untext.decode(bytes)),
  },
  {
    name: "tokens for neighbours",
    samples: [text.encode(signBlobPass(pass, secret))],
    decode: (bytes) => void checkBlobPass(untext.decode(bytes), { ...pass, nowMs: 1 }, secret),
  },
  {
    name: "hours",
    samples: ["22-07", "22:30-6:15, 8-12"].map((hours) => text.encode(hours)),
    decode: (bytes) => void parseHours(untext.decode(bytes)),
  },
  {
    name: "sizes and durations",
    samples: ["512MB", "1.5 h", "30s"].map((size) => text.encode(size)),
    decode: (bytes) => {
      for (const parse of [parseSize, parseDuration]) {
        try {
          parse("memory", untext.decode(bytes));
        } catch (error) {
          if ((error as { code?: string }).code === undefined) throw error;
        }
      }
    },
  },
  {
    name: "paths in datasets",
    samples: [text.encode("books/more/alice.txt")],
    decode: (bytes) => void parseDatasetPath(untext.decode(bytes)),
  },
  {
    name: "lengths of chunks",
    samples: [text.encode("size-1048576")],
    decode: (bytes) => void chunkerArgument(untext.decode(bytes)),
    mayThrow: refusesArgument,
  },
];

export const storedDecoders: readonly Decoder[] = [...ofDisks, ...ofStreams, ...ofPeople];
