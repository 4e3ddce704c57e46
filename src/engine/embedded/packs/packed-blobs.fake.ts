import { join } from "node:path";
import { expect } from "vitest";
import { cidOf } from "../../../data/index.ts";
import { engineLimits } from "../../options.ts";
import { EmbeddedBlobs } from "../blobs.ts";
import { FakeDisk } from "../disk.fake.ts";
import type { LogFile } from "../files.ts";

export const directory = "/data/blobs";
export const packs = join(directory, "packs");
export const first = join(packs, "00000001.pack");
export const limits = engineLimits({ limits: { packBytesTarget: 2_000, packedBlobBytesMax: 500 } });

export const blobsOn = (files: FakeDisk, strict = true, nowMs = () => 5000) =>
  EmbeddedBlobs.open({ files, directory, limits, strict, nowMs });

export const block = (text: string) => {
  const bytes = new TextEncoder().encode(text);
  return { cid: cidOf(bytes), bytes };
};
export const blocks = (count: number, name = "block") =>
  Array.from({ length: count }, (_, index) => block(`${name} ${index} ${"x".repeat((index * 37) % 200)}`));

const codeOf = (error: unknown): string => (error as { code: string }).code;
export const outcomeOf = (promise: Promise<unknown>): Promise<string> => promise.then(() => "ok", codeOf);

export async function contentOf(blobs: EmbeddedBlobs, cid: string): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of blobs.read(cid)) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Whether all of these are there, and what they should be. */
export async function expectAll(
  blobs: EmbeddedBlobs,
  all: readonly ReturnType<typeof block>[],
): Promise<void> {
  for (const { cid, bytes } of all) {
    expect(await blobs.stat(cid)).toEqual({ cid, bytes: bytes.length });
    expect(await contentOf(blobs, cid)).toBe(Buffer.from(bytes).toString());
  }
}

/** An index that is not as its pack is any more must not hide what was stored again in a pack before it. */
export async function expectYoungestOpen(disk: FakeDisk): Promise<void> {
  const names = await disk.list(packs);
  const numbers = (ending: string) => names.filter((name) => name.endsWith(ending)).map(Number.parseFloat);
  const closed = new Set(numbers(".index"));
  const open = numbers(".pack").filter((number) => !closed.has(number));
  expect(Math.min(...open)).toBeGreaterThan(Math.max(0, ...closed));
}

type Write = LogFile["write"];

/** A disk whose writes past the cache go another way. */
export function directDisk(
  write: (write: Write, ...args: Parameters<Write>) => Promise<number>,
  disk = new FakeDisk(),
): FakeDisk {
  return Object.assign(disk, {
    openDirect: (path: string): LogFile => {
      let isClosed = false;
      return {
        write: async (pieces, offset) => {
          const toDisk: Write = async (...args) => (await disk.open(path, "write")).write(...args);
          const written = await write(toDisk, pieces, offset);
          // Real ones write to whatever was opened instead of it.
          if (isClosed) throw Object.assign(new Error("closed meanwhile"), { code: "EBADF" });
          return written;
        },
        read: async () => 0,
        truncate: async () => {},
        sync: async () => {},
        size: async () => 0,
        close: async () => {
          isClosed = true;
        },
      };
    },
  });
}
