import { MusketeersError } from "../../protocol/index.ts";
import type { BlockSource, FileRef } from "../block-store.ts";
import { codecOf } from "../cid.ts";
import { left } from "../left.ts";
import { allowManyListeners } from "../many-listeners.ts";
import { decodeNode, type Node, type Part } from "./node.ts";

export interface ReadOptions {
  /** First byte; 0 where nothing is said. */
  readonly start?: number;
  /** Behind the last byte; a file's end where nothing is said or it is beyond it. */
  readonly end?: number;
  readonly signal?: AbortSignal;
  /** Chunks that are fetched ahead of what was consumed. */
  readonly readAheadBlocks?: number;
}

const READ_AHEAD_BLOCKS = 16;

/** A piece of the file: all or a part of a block, or bytes that a node holds itself. */
type Piece =
  | { readonly cid: string; readonly bytes: number; readonly from: number; readonly to: number }
  | { readonly content: Uint8Array };

interface Span {
  readonly start: number;
  readonly end: number;
}

const isFolder = (cid: string): MusketeersError =>
  new MusketeersError("BAD_ARGUMENT", `${cid} is a folder, not a file`, {
    hint: "Name a file in it: musketeers ls shows what it holds.",
  });

const otherLength = (cid: string): MusketeersError =>
  new MusketeersError("BAD_ARGUMENT", `The block ${cid} has another length than its file says`, {
    hint: "Whoever made this file made it wrongly; put the original again.",
  });

function fileNode(cid: string, node: Node): Extract<Node, { kind: "file" }> {
  if (node.kind !== "file") throw isFolder(cid);
  return node;
}

/** @throws MusketeersError `BAD_ARGUMENT` */
function spanOf({ start = 0, end = Number.MAX_SAFE_INTEGER }: ReadOptions): Span {
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && end >= start) {
    return { start, end };
  }
  throw new MusketeersError("BAD_ARGUMENT", `No range of bytes: [${start}, ${end})`);
}

/** Length of a file's content, by its first block. */
export async function fileBytes(
  cid: string,
  source: BlockSource,
  options: { readonly signal?: AbortSignal } = {},
): Promise<number> {
  return fileNode(cid, decodeNode(cid, await source.get(cid, options))).bytes;
}

class Walk {
  readonly #source: BlockSource;
  readonly #signal: AbortSignal;
  readonly #ahead = new Map<string, Promise<Uint8Array>>();

  constructor(source: BlockSource, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  /** What stands in `[start, end)` of what a block heads, in order. `bytes` is what its parent says that it has. */
  async *pieces(part: Part | { readonly cid: string }, span: Span): AsyncGenerator<Piece> {
    const { cid } = part;
    if ("bytes" in part && codecOf(cid) === "raw") {
      yield { cid, bytes: part.bytes, from: span.start, to: Math.min(span.end, part.bytes) };
      return;
    }
    const node = fileNode(cid, decodeNode(cid, await this.#fetch(cid)));
    if ("bytes" in part && node.bytes !== part.bytes) throw otherLength(cid);
    if (span.start < node.content.length) yield { content: node.content.subarray(span.start, span.end) };
    yield* this.#below(node, span);
  }

  async *#below(node: Extract<Node, { kind: "file" }>, { start, end }: Span): AsyncGenerator<Piece> {
    let at = node.content.length;
    for (const [index, part] of node.parts.entries()) {
      const from = at;
      at += part.bytes;
      if (at <= start) continue;
      if (from >= end) return;
      const next = node.parts[index + 1];
      // The next node is fetched while this one's leaves are.
      if (next !== undefined && at < end && codecOf(next.cid) === "dag-pb") this.#fetchAhead(next.cid);
      yield* this.pieces(part, { start: Math.max(0, start - from), end: end - from });
    }
  }

  /** A node; one that was asked for ahead is on its way. */
  #fetch(cid: string): Promise<Uint8Array> {
    const fetching = this.#ahead.get(cid) ?? this.#source.get(cid, { signal: this.#signal });
    this.#ahead.delete(cid);
    return fetching;
  }

  #fetchAhead(cid: string): void {
    if (!this.#ahead.has(cid)) this.#ahead.set(cid, caught(this.#source.get(cid, { signal: this.#signal })));
  }

  async content(piece: Piece): Promise<Uint8Array> {
    if ("content" in piece) return piece.content;
    const block = await this.#source.get(piece.cid, { signal: this.#signal });
    if (block.length !== piece.bytes) throw otherLength(piece.cid);
    return piece.from === 0 && piece.to === block.length ? block : block.subarray(piece.from, piece.to);
  }
}

/** A block of a file's content. */
export interface Chunk {
  readonly cid: string;
  /** Where it stands in the file. */
  readonly start: number;
  readonly bytes: number;
}

/**
 * The blocks of a file's content in order, without fetching them; of a file whose nodes hold content
 * themselves, which is not made here, just nothing.
 * @throws MusketeersError as `readFile`
 */
export async function* fileChunks(
  file: FileRef,
  source: BlockSource,
  options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<Chunk, void, undefined> {
  const { cid, bytes } = file;
  const walk = new Walk(source, options.signal ?? new AbortController().signal);
  let start = 0;
  for await (const piece of walk.pieces({ cid, bytes }, { start: 0, end: bytes })) {
    if ("content" in piece) return;
    yield { cid: piece.cid, start, bytes: piece.bytes };
    start += piece.bytes;
  }
}

/**
 * Reads a file, or a range of it, block by block, with some fetched ahead; holds no more than these.
 * What it gives must not be changed.
 * @throws MusketeersError `BAD_ARGUMENT` for a folder or what is no file; what the source throws.
 */
export async function* readFile(
  file: { readonly cid: string } | string,
  source: BlockSource,
  options: ReadOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const cid = typeof file === "string" ? file : file.cid;
  const span = spanOf(options);
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  allowManyListeners(signal);
  const walk = new Walk(source, signal);
  const pieces = walk.pieces({ cid }, span);
  const ahead: Promise<Uint8Array>[] = [];
  const aheadMax = Math.max(1, options.readAheadBlocks ?? READ_AHEAD_BLOCKS);
  try {
    for (let over = false, isFilling = true; ; ) {
      // What is asked for in one go travels together; one by one each block would be a request.
      while (!over && ahead.length < aheadMax && (isFilling || ahead.length <= aheadMax / 2)) {
        isFilling = true;
        const next = await pieces.next();
        if (next.done === true) over = true;
        else ahead.push(caught(walk.content(next.value)));
      }
      isFilling = false;
      const content = await ahead.shift();
      if (content === undefined) return;
      if (content.length > 0) yield content;
    }
  } finally {
    stop.abort(left);
    await pieces.return(undefined).catch(() => {});
  }
}

/** Whoever awaits it later hears of its failure; until then it is no unhandled one. */
function caught<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/**
 * The CIDs of the blocks that hold a range of a file, in order; fetches only the nodes above them.
 * @throws as `readFile`
 */
export async function* fileLeaves(
  file: { readonly cid: string },
  source: BlockSource,
  options: ReadOptions = {},
): AsyncGenerator<string, void, undefined> {
  const signal = options.signal ?? new AbortController().signal;
  if (codecOf(file.cid) === "raw") {
    yield file.cid;
    return;
  }
  allowManyListeners(signal);
  for await (const piece of new Walk(source, signal).pieces({ cid: file.cid }, spanOf(options))) {
    if ("cid" in piece) yield piece.cid;
  }
}
