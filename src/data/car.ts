import { CID } from "multiformats/cid";
import { MusketeersError } from "../protocol/index.ts";
import type { BlockSink, BlockSource } from "./block-store.ts";
import { codecOf, isCid, isNamedBy } from "./cid.ts";
import { decodeNode } from "./unixfs/node.ts";

/*
 * CAR, version 1: a list of roots, then blocks one behind the other. The library is loaded when it is used.
 */

interface CallOptions {
  readonly signal?: AbortSignal;
}

function childrenOf(cid: string, block: Uint8Array): readonly string[] {
  if (codecOf(cid) === "raw") return [];
  const node = decodeNode(cid, block);
  return (node.kind === "file" ? node.parts : node.links).map((child) => child.cid);
}

/** Every block below a root once: a node before what it links to, in the order of its links. */
async function* blocksOf(root: string, source: BlockSource, options: CallOptions) {
  const seen = new Set<string>();
  const pending = [root];
  for (let cid = pending.pop(); cid !== undefined; cid = pending.pop()) {
    if (seen.has(cid)) continue;
    seen.add(cid);
    const bytes = await source.get(cid, options);
    yield { cid, bytes };
    pending.push(...childrenOf(cid, bytes).toReversed());
  }
}

/**
 * A file or folder as a CAR, in parts. Equal trees give equal CARs.
 * @throws MusketeersError what the source throws; `BAD_ARGUMENT` for a block that is no part of a tree.
 */
export async function* exportCar(
  root: string,
  source: BlockSource,
  options: CallOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { CarWriter } = await import("@ipld/car/writer");
  const { writer, out } = CarWriter.create([CID.parse(root)]);
  const writing = (async () => {
    for await (const { cid, bytes } of blocksOf(root, source, options)) {
      await writer.put({ cid: CID.parse(cid), bytes });
    }
  })().finally(() => writer.close());
  writing.catch(() => {});
  yield* out;
  await writing;
}

const malformed = (why: string, cause?: unknown): MusketeersError =>
  new MusketeersError("CAR_MALFORMED", `The CAR ${why}`, cause === undefined ? {} : { cause });

function nameOf(cid: CID): string {
  const name = cid.toString();
  if (isCid(name)) return name;
  throw new MusketeersError("CAR_MALFORMED", `The CAR holds a block that is not known here: ${name}`, {
    hint: "Only CIDv1 with SHA-256 is: make it with `ipfs add --cid-version=1`.",
  });
}

/**
 * Takes the blocks out of a CAR, each checked against its name.
 * @returns its roots, of which all blocks were there
 * @throws MusketeersError `CAR_MALFORMED` for what is cut off, damaged or incomplete; what the sink throws.
 */
export async function importCar(
  parts: AsyncIterable<Uint8Array>,
  sink: BlockSink,
): Promise<readonly string[]> {
  const { CarBlockIterator } = await import("@ipld/car/iterator");
  let blocks: Awaited<ReturnType<typeof CarBlockIterator.fromIterable>>;
  try {
    blocks = await CarBlockIterator.fromIterable(parts);
  } catch (cause) {
    throw malformed("is none, or is cut off", cause);
  }
  const roots = (await blocks.getRoots()).map(nameOf);
  const seen = new Set<string>();
  const linked = new Set<string>(roots);
  const iterator = blocks[Symbol.asyncIterator]();
  for (;;) {
    const next = await iterator.next().catch((cause: unknown) => {
      throw malformed("is cut off or damaged", cause);
    });
    if (next.done === true) break;
    const cid = nameOf(next.value.cid);
    const { bytes } = next.value;
    if (!isNamedBy(bytes, cid)) throw malformed(`is damaged: the block ${cid} has other bytes`);
    seen.add(cid);
    for (const child of childrenOf(cid, bytes)) linked.add(child);
    await sink.put(cid, bytes);
  }
  for (const cid of linked) if (!seen.has(cid)) throw malformed(`is cut off: it lacks the block ${cid}`);
  return roots;
}
