import { MusketeersError } from "../../protocol/index.ts";
import { Xxh64 } from "./xxh64.ts";
import { ZstdFrames } from "./zstd-frames.ts";

/** What a file's first bytes say that it is packed with. */
export type Packing = "gzip" | "zstd";

/** So many bytes of a file tell how it is packed. */
export const PACKING_BYTES = 4;

/** The first bytes; of the first one only what the mask lets through. */
const marks: readonly (readonly [Packing, readonly number[], number])[] = [
  ["gzip", [0x1f, 0x8b, 0x08], 0xff],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd], 0xff],
  // A frame to be skipped, with which pzstd begins; there are sixteen kinds.
  ["zstd", [0x50, 0x2a, 0x4d, 0x18], 0xf0],
];

const hasMark = (head: Uint8Array, mark: readonly number[], mask: number): boolean =>
  head.length >= mark.length && mark.every((byte, at) => (at === 0 ? head[at]! & mask : head[at]) === byte);

/** How a content is packed; undefined where it is not. */
export const packingOf = (head: Uint8Array): Packing | undefined =>
  marks.find(([, mark, mask]) => hasMark(head, mark, mask))?.[0];

const zlib = globalThis.process?.getBuiltinModule?.("node:zlib");
const INFLATED_CHUNK_BYTES = 256 * 1024;
/** The largest window, and nothing but gzip, in the words of zlib. */
const GZIP_WINDOW_BITS = 15 + 16;

/**
 * What packed chunks hold, in chunks.
 * The iteration throws MusketeersError `INVALID_DATA` for what is cut or damaged, `LIMIT_EXCEEDED` for what takes too
 * much memory, or what the chunks throw.
 */
export function inflate(
  chunks: AsyncIterable<Uint8Array>,
  packing: Packing,
  name: string,
): AsyncIterable<Uint8Array> {
  if (packing === "zstd") return unzstd(chunks, name);
  return zlib === undefined ? gunzipByPako(chunks, name) : gunzipByNode(chunks, name, zlib);
}

const damaged = (name: string, packing: Packing, cause: unknown) =>
  new MusketeersError(
    "INVALID_DATA",
    `${name} is cut or damaged ${packing}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { hint: "Pack it again.", cause },
  );

/** Node's and Deno's own. */
async function* gunzipByNode(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  { createGunzip }: NonNullable<typeof zlib>,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: INFLATED_CHUNK_BYTES });
  const feed = async () => {
    for await (const chunk of chunks) {
      if (gunzip.destroyed) return;
      await new Promise<void>((resolve) => {
        gunzip.write(chunk, () => resolve());
      });
    }
    gunzip.end();
  };
  let refused: { readonly error: unknown } | undefined;
  const feeding = feed().catch((error: unknown) => {
    refused = { error };
    gunzip.destroy();
  });
  try {
    for await (const chunk of gunzip as AsyncIterable<Buffer>) {
      yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
    }
  } catch (cause) {
    throw refused === undefined ? damaged(name, "gzip", cause) : refused.error;
  } finally {
    gunzip.destroy();
  }
  await feeding;
  if (refused !== undefined) throw refused.error;
}

/** What is unpacked in one go, which may become a thousand times as much. */
const PACKED_STEP_BYTES = 16 * 1024;

/** For browsers: their `DecompressionStream` takes one member, and refuses what follows it. */
export async function* gunzipByPako(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  const { Inflate } = await import("pako");
  const out: Uint8Array[] = [];
  const begin = () => {
    const member = new Inflate({ windowBits: GZIP_WINDOW_BITS });
    member.onData = (part) => out.push(part);
    return member;
  };
  let member = begin();
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PACKED_STEP_BYTES) {
      if (member.ended) {
        // As in Node, zeros behind the last member are let pass, and all behind them.
        if (chunk[at] === 0) return;
        member = begin();
      }
      member.push(chunk.subarray(at, at + PACKED_STEP_BYTES));
      yield* out.splice(0);
      if (member.err !== 0) throw damaged(name, "gzip", member.msg);
    }
  }
  if (!member.ended) throw damaged(name, "gzip", "unexpected end of file");
}

async function* unzstd(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import("fzstd");
  const out: Uint8Array[] = [];
  // One for each frame: it says when it has given out all of it, and looks at no checksum.
  const begin = () => {
    const decoder = new Decompress((part) => {
      if (part.length > 0) out.push(part);
    });
    return { decoder, hash: new Xxh64() };
  };
  const frames = new ZstdFrames(name);
  let frame = begin();
  const push = (bytes: Uint8Array, isLast: boolean) => {
    try {
      frame.decoder.push(bytes, isLast);
    } catch (cause) {
      throw damaged(name, "zstd", cause);
    }
    if (frames.hasChecksum) for (const part of out) frame.hash.update(part);
    return out.splice(0);
  };
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const end = frames.look(chunk, at);
      yield* push(chunk.subarray(at, end), frames.isOver);
      at = end;
      if (!frames.isOver) continue;
      if (frames.hasChecksum && frame.hash.lowerHalf() !== frames.checksum) {
        throw damaged(name, "zstd", "its checksum is another one");
      }
      frame = begin();
    }
  }
  yield* push(new Uint8Array(0), true);
}
