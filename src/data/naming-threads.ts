import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import type { NamedChunk } from "./block-store.ts";
import type { ChunkPool } from "./chunk-pool.ts";
import { cidOfDigest } from "./cid.ts";

/*
 * Threads that read files and name their chunks: hashing is most of the work of storing a file, and one thread
 * cannot read meanwhile.
 */

/** What a thread is asked for: the next bytes of a file, in chunks. */
interface Span {
  readonly fd: number;
  readonly position: number;
  readonly chunkBytes: number;
  readonly count: number;
  /** At most; chunks may have room for more. */
  readonly bytes: number;
  /** Where the chunks are to be; undefined where nobody wants them. Shared, or a thread could not fill them. */
  readonly chunks: readonly Uint8Array[] | undefined;
}

/** The same as it is sent: to share memory is much work, so that a thread is given each piece once. */
interface Order extends Omit<Span, "chunks"> {
  /** In which piece, by the number that it was given, and where. */
  readonly chunks: readonly { readonly id: number; readonly at: number }[] | undefined;
  readonly fresh: readonly { readonly id: number; readonly buffer: ArrayBufferLike }[];
}

interface Answer {
  /** How many bytes there were: fewer than asked for at the end of the file. */
  readonly filled: number;
  /** One after the other. */
  readonly digests: Uint8Array;
  /** Why it could not be read. */
  readonly failure?: { readonly code: string | undefined; readonly message: string };
}

const DIGEST_BYTES = 32;

/** What a thread runs: text, since it has to run from sources, from what is built of them, and from bundles. */
const threadText = `
const { parentPort } = require("node:worker_threads");
const { readSync } = require("node:fs");
const { createHash } = require("node:crypto");
let own;
const known = new Map();
function fill(fd, chunk, position) {
  let filled = 0;
  while (filled < chunk.length) {
    const got = readSync(fd, chunk, filled, chunk.length - filled, position + filled);
    if (got === 0) break;
    filled += got;
  }
  return filled;
}
parentPort.on("message", ({ fd, position, chunkBytes, count, bytes, chunks, fresh, forgotten }) => {
  if (forgotten !== undefined) {
    for (const id of forgotten) known.delete(id);
    return;
  }
  for (const { id, buffer } of fresh) known.set(id, buffer);
  try {
    if (chunks === undefined && own?.length !== chunkBytes) own = new Uint8Array(chunkBytes);
    const digests = new Uint8Array(count * ${DIGEST_BYTES});
    let filled = 0;
    for (let index = 0; filled < bytes && filled === index * chunkBytes; index++) {
      // Each is read just before it is hashed: what was just read is at hand.
      const whole = chunks === undefined ? own : new Uint8Array(known.get(chunks[index].id), chunks[index].at, chunkBytes);
      const got = fill(fd, whole.subarray(0, bytes - filled), position + filled);
      if (got === 0) break;
      filled += got;
      const chunk = whole.subarray(0, got);
      digests.set(createHash("sha256").update(chunk).digest(), index * ${DIGEST_BYTES});
    }
    parentPort.postMessage({ filled, digests });
  } catch (error) {
    const failure = { code: error.code, message: error.message };
    parentPort.postMessage({ filled: 0, digests: new Uint8Array(0), failure });
  }
});`;

interface Pending {
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** One thread; answers come in the order of what it was asked. */
class NamingThread {
  readonly #worker: Worker;
  readonly #pending: Pending[] = [];
  /** Pieces of memory that it was given, by their numbers here. */
  readonly #given = new WeakMap<ArrayBufferLike, number>();
  #givenCount = 0;
  #failure: Error | undefined;

  constructor() {
    this.#worker = new Worker(threadText, {
      eval: true,
      name: "musketeers-naming",
      // It needs nothing of what the program was started with, and makes hardly any garbage.
      execArgv: [],
      env: {},
      resourceLimits: { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 32 },
    });
    this.#worker.unref();
    this.#worker.on("message", (answer: Answer) => this.#next()?.resolve(answer));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", () => this.#fail(new Error("a thread has ended")));
  }

  get waiting(): number {
    return this.#pending.length;
  }

  ask(span: Span): Promise<Answer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      // An idle thread keeps no program alive.
      if (this.#pending.length === 0) this.#worker.ref();
      this.#pending.push({ resolve, reject });
      this.#worker.postMessage(this.#order(span));
    });
  }

  #order({ chunks, ...span }: Span): Order {
    const fresh: { id: number; buffer: ArrayBufferLike }[] = [];
    const idOf = (buffer: ArrayBufferLike): number => {
      const known = this.#given.get(buffer);
      if (known !== undefined) return known;
      const id = this.#givenCount++;
      this.#given.set(buffer, id);
      fresh.push({ id, buffer });
      return id;
    };
    const places = chunks?.map(({ buffer, byteOffset }) => ({ id: idOf(buffer), at: byteOffset }));
    return { ...span, chunks: places, fresh };
  }

  /** Lets go of memory that it was given. */
  forget(pieces: ReadonlySet<ArrayBufferLike>): void {
    const forgotten: number[] = [];
    for (const piece of pieces) {
      const id = this.#given.get(piece);
      if (id !== undefined) forgotten.push(id);
      this.#given.delete(piece);
    }
    if (this.#failure === undefined) this.#worker.postMessage({ forgotten });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #next(): Pending | undefined {
    const next = this.#pending.shift();
    if (this.#pending.length === 0) this.#worker.unref();
    return next;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.splice(0)) reject(error);
  }
}

/** What is asked of each thread ahead of what was taken. */
const SPANS_AHEAD = 2;
/** Bytes that a thread is asked for at once: to wake one takes as long as hashing a few hundred KiB on some machines. */
const SPAN_BYTES = 2_097_152;

export interface NamingOptions {
  readonly chunkBytes: number;
  /** How much of the file; to its end where nothing is said. */
  readonly bytes?: number;
  /** Shared memory for whole chunks; where there is none, only lengths and names are given. */
  readonly pool?: ChunkPool;
}

/** Some threads that are shared by all that is named at the same time. */
export class NamingThreads {
  readonly #threads: NamingThread[];

  constructor(count: number) {
    this.#threads = Array.from({ length: Math.max(1, count) }, () => new NamingThread());
  }

  /**
   * The chunks of an open file in order, named; some are read ahead.
   * @throws Error with the system's `code` where it cannot be read
   */
  async *chunksOf(fd: number, options: NamingOptions): AsyncGenerator<NamedChunk> {
    const { chunkBytes, pool, bytes: bytesMax = Number.POSITIVE_INFINITY } = options;
    const count = Math.max(1, Math.ceil(SPAN_BYTES / chunkBytes));
    const spanBytes = count * chunkBytes;
    const ahead: { readonly chunks: Uint8Array[] | undefined; readonly answer: Promise<Answer> }[] = [];
    const lent = new Set<ArrayBufferLike>();
    let position = 0;
    const ask = (): void => {
      const chunks = pool && Array.from({ length: count }, () => pool.take());
      for (const { buffer } of chunks ?? []) lent.add(buffer);
      const bytes = Math.max(0, Math.min(spanBytes, bytesMax - position));
      const answer = this.#idlest().ask({ fd, position, chunkBytes, count, bytes, chunks });
      answer.catch(() => {});
      ahead.push({ chunks, answer });
      position += spanBytes;
    };
    try {
      for (;;) {
        while (ahead.length < this.#threads.length * SPANS_AHEAD) ask();
        const { chunks, answer } = ahead.shift()!;
        const { filled, digests, failure } = await answer;
        if (failure !== undefined) throw Object.assign(new Error(failure.message), { code: failure.code });
        for (let at = 0, index = 0; at < filled; at += chunkBytes, index++) {
          const digest = digests.subarray(index * DIGEST_BYTES, (index + 1) * DIGEST_BYTES);
          const length = Math.min(chunkBytes, filled - at);
          const whole = chunks?.[index];
          const bytes = whole === undefined || length === chunkBytes ? whole : whole.subarray(0, length);
          const cid = cidOfDigest(digest);
          yield { cid, bytes: bytes ?? length };
        }
        for (const unused of chunks?.slice(Math.ceil(filled / chunkBytes)) ?? []) pool!.give(unused);
        if (filled < spanBytes) return;
      }
    } finally {
      // They read from a file that is closed next.
      for (const { chunks = [], answer } of ahead) {
        await answer.catch(() => {});
        for (const unused of chunks) pool?.give(unused);
      }
      if (lent.size > 0) for (const thread of this.#threads) thread.forget(lent);
    }
  }

  #idlest(): NamingThread {
    return this.#threads.reduce((least, each) => (each.waiting < least.waiting ? each : least));
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }
}

const THREADS_MAX = 4;
/** For so long the threads wait for another file. */
const LINGER_MS = 500;

let atHand: NamingThreads | undefined;
let users = 0;
let leaving: ReturnType<typeof setTimeout> | undefined;

/**
 * `NamingThreads.chunksOf` with the threads of this process, which are there as long as somebody uses them.
 * @throws as that
 */
export async function* namedChunksOf(fd: number, options: NamingOptions): AsyncGenerator<NamedChunk> {
  clearTimeout(leaving);
  atHand ??= new NamingThreads(Math.min(availableParallelism(), THREADS_MAX));
  users++;
  try {
    yield* atHand.chunksOf(fd, options);
  } finally {
    users--;
    if (users === 0) {
      leaving = setTimeout(() => {
        void atHand?.end();
        atHand = undefined;
      }, LINGER_MS).unref();
    }
  }
}
