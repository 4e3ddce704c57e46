import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/*
 * Bytes that come from a socket come in buffers of their own, which are garbage as soon as they were used. An engine
 * frees them when the part of its heap where everything begins is full; such a buffer takes hardly any of that part
 * and 64 KiB besides, so that 100 MB of them pile up, or with newer engines 200. So it is told now and then.
 */

/** It takes about half a millisecond. */
const SWEEP_EVERY_BYTES = 8 * 1_048_576;

type Collect = (options: { readonly type: "minor" }) => void;

let movedBytes = 0;
let collect: Collect | undefined;

function collector(): Collect {
  try {
    setFlagsFromString("--expose-gc");
    return runInNewContext("gc") as Collect;
  } catch {
    // Then there is more garbage.
    return () => {};
  }
}

/** So many bytes went through buffers that nobody uses any more; those are freed once they are many. */
export function buffersMoved(bytes: number): void {
  movedBytes += bytes;
  if (movedBytes < SWEEP_EVERY_BYTES) return;
  movedBytes = 0;
  collect ??= collector();
  collect({ type: "minor" });
}

/** The same parts, each of which is used when the next is asked for. */
export async function* movingBuffers(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const part of parts) {
    yield part;
    buffersMoved(part.length);
  }
}
