import { encodeUnsendable, encodeValue, toMusketeersError } from "../../protocol/index.ts";
import type { Gate } from "../session/gate.ts";
import { macrotask } from "../session/macrotask.ts";
import type { Outbox } from "../session/outbox.ts";

/** Anything that inputs can be taken from. */
export type Inputs<I> = Iterable<I> | AsyncIterable<I>;

export interface PumpOptions<I> {
  readonly outbox: Outbox;
  /** Whether one more input may be sent now; asked again each time the gate opens. */
  readonly hasRoom: () => boolean;
  readonly gate: Gate;
  /** Nobody wants more inputs. */
  readonly stopped: () => boolean;
  readonly onInput?: (index: number, input: I) => void;
}

/** Inputs that are taken from an iterable in one go before sockets have their turn. */
const INPUTS_PER_TURN = 2048;

/** One that is no data fails by itself, and does not take the others with it. */
function encodeInput(input: unknown, index: number): Uint8Array {
  try {
    return encodeValue(input);
  } catch (error) {
    return encodeUnsendable(`Input ${index}: ${toMusketeersError(error).message}`);
  }
}

/**
 * Takes inputs as there is room, and seals the job behind the last. Ends early where nobody wants more;
 * the iterator is closed then.
 * @throws what the iterable throws
 */
export async function pumpInputs<I>(inputs: Inputs<I>, options: PumpOptions<I>): Promise<void> {
  const { outbox, hasRoom, gate, stopped, onInput } = options;
  const push = (input: I): void => {
    const index = outbox.size;
    const record = encodeInput(input, index);
    onInput?.(index, input);
    outbox.push(record);
  };
  const room = async (): Promise<void> => {
    outbox.flush();
    while (!stopped() && !hasRoom()) await gate.wait();
  };
  if (Symbol.asyncIterator in inputs) {
    // What was pushed leaves as soon as the iterator has to wait for something itself.
    for await (const input of inputs) {
      if (stopped()) return;
      push(input);
      if (!hasRoom()) await room();
      else if (outbox.size % INPUTS_PER_TURN === 0) await macrotask();
      if (stopped()) return;
    }
  } else {
    for (const input of inputs) {
      push(input);
      if (!hasRoom()) await room();
      else if (outbox.size % INPUTS_PER_TURN === 0) await macrotask();
      if (stopped()) return;
    }
  }
  outbox.seal();
}
