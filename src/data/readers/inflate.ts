import { MusketeersError } from "../../protocol/index.ts";
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
  return zlib === undefined ? gunzipByStream(chunks, name) : gunzipByNode(chunks, name, zlib);
}

const damaged = (name: string, packing: Packing, cause: unknown) =>
  new MusketeersError(
    "INVALID_DATA",
    `${name} is cut or damaged ${packing}: ${cause instanceof Error ? cause.message : String(cause)}`,
    { hint: "Pack it again.", cause },
  );

/** Node's and Deno's own; unlike a `DecompressionStream` it reads on where one member follows another. */
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

/** For browsers, which take one member. */
async function* gunzipByStream(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const { readable, writable } = new DecompressionStream("gzip");
  const writer = writable.getWriter();
  let refused: { readonly error: unknown } | undefined;
  const feed = async () => {
    for await (const chunk of chunks) await writer.write(chunk as Uint8Array<ArrayBuffer>);
    await writer.close();
  };
  feed().catch((error: unknown) => {
    if (error instanceof MusketeersError) refused = { error };
    void writer.abort(error).catch(() => {});
  });
  const reader = readable.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } catch (cause) {
    throw refused === undefined ? damaged(name, "gzip", cause) : refused.error;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function* unzstd(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array> {
  const { Decompress } = await import("fzstd");
  const out: Uint8Array[] = [];
  const decompress = new Decompress((chunk) => {
    if (chunk.length > 0) out.push(chunk);
  });
  const frames = new ZstdFrames(name);
  const push = (chunk: Uint8Array, isLast: boolean) => {
    frames.look(chunk);
    try {
      decompress.push(chunk, isLast);
    } catch (cause) {
      throw damaged(name, "zstd", cause);
    }
    return out.splice(0);
  };
  for await (const chunk of chunks) yield* push(chunk, false);
  yield* push(new Uint8Array(0), true);
}
