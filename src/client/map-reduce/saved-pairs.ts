import { MusketeersError } from "../../protocol/index.ts";
import type { SourceFile } from "../datasets/put-source.ts";

const encoder = new TextEncoder();
/** Lines leave in pieces of about this size. */
const PIECE_CHARS = 64 * 1024;

/** What JSON would change without a word is refused. */
function jsonOnly(this: unknown, name: string, value: unknown): unknown {
  const original = (this as Readonly<Record<string, unknown>>)[name];
  const isObject = typeof original === "object" && original !== null && !Array.isArray(original);
  const prototype: unknown = isObject ? Object.getPrototypeOf(original) : null;
  const isLost =
    original === undefined ||
    typeof original === "bigint" ||
    (typeof original === "number" && !Number.isFinite(original)) ||
    (isObject && prototype !== null && prototype !== Object.prototype && !(original instanceof Date));
  if (!isLost) return value;
  throw new MusketeersError("UNSERIALIZABLE", `${String(original).slice(0, 80)} cannot be saved as JSON`, {
    hint: "Reduce to texts, numbers, booleans, null, dates, and lists and objects of those.",
  });
}

async function* linesOf(pairs: AsyncIterable<readonly unknown[]>): AsyncGenerator<Uint8Array> {
  let text = "";
  for await (const pair of pairs) {
    text += `${JSON.stringify(pair, jsonOnly)}\n`;
    if (text.length < PIECE_CHARS) continue;
    yield encoder.encode(text);
    text = "";
  }
  if (text !== "") yield encoder.encode(text);
}

/** One file of JSON lines for each partition. */
export function* savedFiles(
  partitions: readonly AsyncIterable<readonly unknown[]>[],
): Generator<SourceFile, void, undefined> {
  for (const [index, pairs] of partitions.entries()) {
    yield { path: `part-${String(index).padStart(5, "0")}.jsonl`, content: () => linesOf(pairs) };
  }
}
