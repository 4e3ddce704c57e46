import {
  Arena,
  cidOfDigest,
  concatBytes,
  Merge,
  RUN_HEAD_BYTES,
  RunCursor,
  runLength,
  runsIn,
} from "../../../../data/pairs/index.ts";
import type { FileStore } from "../../../../data/readers/index.ts";
import {
  defaultLimits,
  type FileRef,
  MusketeersError,
  OUTPUT_BYTES,
  outputAt,
} from "../../../../protocol/index.ts";
import { MissingOutputs } from "./missing.ts";
import { pushRecord } from "./small-value.ts";

const { mergeRunsMax, outputFetchesMax } = defaultLimits;
/** Merged pairs are written in pieces of this size. */
const PIECE_BYTES = 256 * 1024;

/** The files that a column names, in the order of the segments; what is empty left out. */
export function filesOf(entries: Uint8Array): FileRef[] {
  if (!(entries instanceof Uint8Array) || entries.length % OUTPUT_BYTES !== 0) {
    throw new MusketeersError("PROTOCOL", "A reduce without the column that it is to read");
  }
  return Array.from({ length: entries.length / OUTPUT_BYTES }, (_, at) => outputAt(entries, at)).flatMap(
    (output) =>
      output === undefined ? [] : [{ cid: cidOfDigest(output.digest, output.codec), bytes: output.bytes }],
  );
}

/**
 * The pairs of a partition, merged. What fits is read into memory at once; else runs are merged from where
 * they are, so many at a time that memory stays bounded, in several passes where they are more.
 * @throws MissingOutputs; MusketeersError `PROTOCOL` for files that hold no runs; what reading throws
 */
export async function openColumn(
  refs: readonly FileRef[],
  files: FileStore,
  inMemoryBytesMax: number,
): Promise<Merge> {
  const bytes = refs.reduce((sum, ref) => sum + ref.bytes, 0);
  if (bytes <= inMemoryBytesMax) {
    const contents = await fetchAll(refs, files);
    return new Merge(contents.flatMap(runsIn).map((run) => new RunCursor(run)));
  }
  let spans = await spansOf(refs, files);
  while (spans.length > mergeRunsMax) {
    const fewer: Span[] = [];
    for (let at = 0; at < spans.length; at += mergeRunsMax) {
      fewer.push(await mergedSpan(spans.slice(at, at + mergeRunsMax), files));
    }
    spans = fewer;
  }
  return mergeOf(spans, files);
}

/** A run within a file. */
interface Span {
  readonly ref: FileRef;
  readonly start: number;
  readonly end: number;
}

const mergeOf = (spans: readonly Span[], files: FileStore): Merge =>
  new Merge(spans.map(({ ref, start, end }) => new RunCursor(guarded(ref, files, start, end))));

async function spansOf(refs: readonly FileRef[], files: FileStore): Promise<Span[]> {
  const lists = await inParallel(refs, async (ref) => {
    const spans: Span[] = [];
    for (let at = 0; at < ref.bytes; ) {
      const start = at + RUN_HEAD_BYTES;
      at = start + runLength(await fetched(ref, files, at, Math.min(start, ref.bytes)), 0);
      if (at > ref.bytes) throw new MusketeersError("PROTOCOL", "Malformed pairs: cut in a run");
      spans.push({ ref, start, end: at });
    }
    return spans;
  });
  return lists.flat();
}

/** Writes the merge of some runs to a file that lives as long as the sandbox needs it. */
async function mergedSpan(spans: readonly Span[], files: FileStore): Promise<Span> {
  const merge = mergeOf(spans, files);
  const writer = files.writeFile();
  try {
    const arena = new Arena(PIECE_BYTES);
    for (let has = merge.next(); ; has = merge.next()) {
      if (!(typeof has === "boolean" ? has : await has)) break;
      pushRecord(arena, merge.key);
      pushRecord(arena, merge.value);
      if (arena.length >= PIECE_BYTES) await writer.write(arena.take());
    }
    await writer.write(arena.take());
    const ref = await writer.end();
    return { ref, start: 0, end: ref.bytes };
  } catch (error) {
    writer.abort();
    throw error;
  } finally {
    await merge.close();
  }
}

/** A part of an output; that there is none is said in the words that the hub understands. */
async function* guarded(
  ref: FileRef,
  files: FileStore,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  try {
    yield* files.readFile(ref, { start, end });
  } catch (error) {
    if (isGone(error)) throw new MissingOutputs([ref.cid]);
    throw error;
  }
}

const isGone = (error: unknown): boolean => error instanceof MusketeersError && error.code === "NOT_FOUND";

async function fetched(ref: FileRef, files: FileStore, start = 0, end = ref.bytes): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of guarded(ref, files, start, end)) {
    parts.push(part);
    length += part.length;
  }
  if (length !== end - start)
    throw new MusketeersError("PROTOCOL", `An output of ${length} bytes is named as one of ${end - start}`);
  return concatBytes(parts, length);
}

/** All of them; where some are gone, all of these are named. */
async function fetchAll(refs: readonly FileRef[], files: FileStore): Promise<Uint8Array[]> {
  const missing: string[] = [];
  const contents = await inParallel(refs, async (ref) => {
    try {
      return await fetched(ref, files);
    } catch (error) {
      if (!(error instanceof MissingOutputs)) throw error;
      missing.push(...error.missing);
      return new Uint8Array(0);
    }
  });
  if (missing.length > 0) throw new MissingOutputs(missing);
  return contents;
}

async function inParallel<A, B>(items: readonly A[], each: (item: A) => Promise<B>): Promise<B[]> {
  const results = new Array<B>(items.length);
  let next = 0;
  const work = async () => {
    for (let at = next++; at < items.length; at = next++) results[at] = await each(items[at]!);
  };
  await Promise.all(Array.from({ length: Math.min(outputFetchesMax, items.length) }, work));
  return results;
}
