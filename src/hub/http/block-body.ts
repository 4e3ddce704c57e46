import type { IncomingMessage } from "node:http";
import { type BatchBlock, BatchIntake } from "../../data/index.ts";
import { buffersMoved } from "../../data/node.ts";
import { leanForNow } from "../../heap/index.ts";
import { MusketeersError } from "../../protocol/index.ts";

/** Blocks of one body in memory: one is stored while the next comes. */
const ROOMS_MAX = 2;

/** Empty blocks take no room: when so many have come nothing more is read. */
const COME_MAX = 64;

/** Memory for blocks; what lives as long as bodies are is no young garbage. */
const spares: Uint8Array[] = [];
const SPARES_MAX = 16;

function takeRoom(length: number): Uint8Array {
  const spare = spares.pop();
  return (spare !== undefined && spare.length >= length ? spare : new Uint8Array(length)).subarray(0, length);
}

function giveRoom({ buffer, length }: Uint8Array): void {
  if (length > 0 && spares.length < SPARES_MAX) spares.push(new Uint8Array(buffer));
}

/**
 * The blocks of a request's body, one by one; each is good until the next is asked for. No more is read than there is
 * room for.
 * @throws MusketeersError `PROTOCOL`, `LIMIT_EXCEEDED`; what the connection breaks with.
 */
export class BlockBody {
  readonly #request: IncomingMessage;
  readonly #intake: BatchIntake;
  readonly #come: BatchBlock[] = [];
  #rooms = 0;
  /** There is no room for what came last. */
  #isStuck = false;
  /** Nothing more is to come, though some of it may wait for room. */
  #hasEnded = false;
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: () => void = () => {};

  constructor(request: IncomingMessage, blockBytesMax: number) {
    this.#request = request;
    this.#intake = new BatchIntake({
      blockBytesMax,
      room: (length) => this.#room(length),
      onBlock: (block) => {
        this.#come.push(block);
        this.#wake();
      },
    });
  }

  async *blocks(): AsyncGenerator<BatchBlock, void, undefined> {
    const request = this.#request;
    const fail = (error: unknown): void => this.#fail(error);
    const end = (): void => this.#end();
    const take = (part: Uint8Array): void => this.#take(part);
    const broken = (): void => {
      if (!this.#hasEnded) this.#fail(new MusketeersError("PROTOCOL", "The request was cut off"));
    };
    request.on("error", fail).on("end", end).on("close", broken).on("data", take);
    try {
      for (let block = await this.#next(); block !== undefined; block = await this.#next()) {
        yield block;
        leanForNow();
        this.#free(block.bytes);
      }
    } finally {
      request.off("error", fail).off("end", end).off("close", broken).off("data", take);
      for (const { bytes } of this.#come) giveRoom(bytes);
    }
  }

  async #next(): Promise<BatchBlock | undefined> {
    for (;;) {
      const block = this.#come.shift();
      if (block !== undefined) return block;
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#isOver) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #take(part: Uint8Array): void {
    this.#guarded(() => {
      this.#isStuck = !this.#intake.pour(part);
      buffersMoved(part.length);
      if (this.#isStuck || this.#come.length > COME_MAX) this.#request.pause();
    });
  }

  #end(): void {
    this.#hasEnded = true;
    this.#guarded(() => this.#finish());
  }

  /** A stream ends with its last part, also where that is not taken yet. */
  #finish(): void {
    if (!this.#hasEnded || this.#isStuck) return;
    this.#intake.end();
    this.#isOver = true;
    this.#wake();
  }

  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#isStuck = false;
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  #room(length: number): Uint8Array | undefined {
    if (this.#rooms === ROOMS_MAX) return undefined;
    this.#rooms++;
    return takeRoom(length);
  }

  #free(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#rooms--;
    giveRoom(bytes);
    this.#guarded(() => {
      if (this.#isStuck) this.#isStuck = !this.#intake.resume();
      if (this.#isStuck || this.#come.length > 0) return;
      this.#request.resume();
      this.#finish();
    });
  }
}
