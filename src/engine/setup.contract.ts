import type { EngineLimits } from "./options.ts";
import type { Engine } from "./port.ts";

export interface EngineSetup {
  readonly engine: Engine;
  /** Moves the clock that the registry's expiry follows. */
  advance(ms: number): void;
  /** Closes the engine and opens what it left; only of adapters that keep anything. */
  reopen?(): Promise<Engine>;
  dispose(): Promise<void>;
}

export type OpenSetup = (limits?: Partial<EngineLimits>) => Promise<EngineSetup>;

/** What the parts of the contract say things with. */
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}
