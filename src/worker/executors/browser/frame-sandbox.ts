import type { MemoryLook, Spawned, SpawnedEvents } from "../sandbox/spawned.ts";

/** The part of a `MessagePort` that is used here. */
export interface FramePort {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: ArrayBuffer, transfer: readonly ArrayBuffer[]): void;
  close(): void;
}

/** A frame of the page with one worker in it, which may take a while to come into being. */
export interface Frame {
  /** To the worker in it; what is sent before it is there waits. */
  readonly port: FramePort;
  /** Told once when the frame or its worker is gone by itself, and why. */
  onGone: (why: string) => void;
  /** Removes it. */
  remove(): void;
}

/** How long a message that was sent before a moment may take to be looked at after it. */
const LATE_MS = 20;

const cannotTell: MemoryLook = { bytes: 0, stop: () => {} };

/** A worker in a sandboxed frame that runs a sandbox. Browsers tell nothing of its memory, and stop none where it stands. */
export class FrameSandbox implements Spawned {
  readonly #frame: Frame;
  readonly #heldBytesMax: number;
  #events: SpawnedEvents | undefined;
  /** What it said while nothing is taken in; undefined: all is. */
  #held: Uint8Array[] | undefined;
  #heldBytes = 0;
  #over = false;

  /** @param heldBytesMax see `tabHeldBytesMax` */
  constructor(frame: Frame, heldBytesMax: number) {
    this.#frame = frame;
    this.#heldBytesMax = heldBytesMax;
  }

  listen(events: SpawnedEvents): void {
    this.#events = events;
    this.#frame.onGone = (why) => this.#end(why);
    this.#frame.port.onmessage = ({ data }) => {
      if (this.#over) return;
      if (data instanceof ArrayBuffer) this.#take(new Uint8Array(data));
      else this.#end("The task broke the protocol of its sandbox");
    };
  }

  write(parts: readonly Uint8Array[], onWritten?: () => void): undefined {
    if (this.#over) return undefined;
    // A copy: what is sent is gone from here, and parts are parts of something.
    const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
    let offset = 0;
    for (const part of parts) {
      whole.set(part, offset);
      offset += part.length;
    }
    this.#frame.port.postMessage(whole.buffer, [whole.buffer]);
    onWritten?.();
    return undefined;
  }

  hold(held: boolean): void {
    if (held) {
      this.#held ??= [];
      return;
    }
    const waiting = this.#held ?? [];
    this.#held = undefined;
    this.#heldBytes = 0;
    // It may be held again by what is taken in.
    for (const bytes of waiting) this.#take(bytes);
  }

  stop(): boolean {
    return false;
  }

  kill(): void {
    this.#end("The sandbox was ended");
  }

  async cleanUp(): Promise<void> {}

  pid(): undefined {
    return undefined;
  }

  watchMemory(): MemoryLook {
    return cannotTell;
  }

  afterInput(callback: () => void): void {
    setTimeout(callback, LATE_MS);
  }

  #take(bytes: Uint8Array): void {
    if (this.#held === undefined) {
      this.#events?.onBytes(bytes);
      return;
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > this.#heldBytesMax) {
      this.#end("Its results came faster than they could be stored, and are over tabHeldBytesMax");
    }
  }

  #end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#held = undefined;
    this.#frame.port.onmessage = null;
    this.#frame.port.close();
    this.#frame.remove();
    // As a process ends: not in the midst of what ends it.
    queueMicrotask(() => this.#events?.onGone({ why, isMemory: false }));
  }
}
