import type { Position, Registry } from "../../engine/index.ts";
import { decodeValue, encodeValue, MusketeersError } from "../../protocol/index.ts";
import { Fields } from "../../protocol/messages/index.ts";

const KEY = "hub/checkpoint";

/** Where the latest whole checkpoint stands. */
export interface CheckpointPointer {
  /** Records from here on are to be applied to it. */
  readonly mark: Position;
  /** Its own records are found from here on. */
  readonly start: Position;
}

export async function storePointer(registry: Registry, { mark, start }: CheckpointPointer): Promise<void> {
  await registry.put(KEY, encodeValue({ mark, start }));
}

/** @throws MusketeersError `JOURNAL_CORRUPT` */
export async function loadPointer(registry: Registry): Promise<CheckpointPointer | undefined> {
  const stored = await registry.get(KEY);
  if (stored === undefined) return undefined;
  try {
    const fields = new Fields("checkpoint", decodeValue(stored.value));
    return { mark: fields.integer("mark"), start: fields.integer("start") };
  } catch (cause) {
    throw new MusketeersError("JOURNAL_CORRUPT", "The registry does not say where the checkpoint stands", {
      cause,
    });
  }
}

/** Forgets the checkpoint: the next start reads the journal from its beginning. */
export const dropPointer = (registry: Registry): Promise<void> => registry.delete(KEY);
