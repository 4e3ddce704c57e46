import { eachMapping, originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { encodeFailure, encodeValue, type FailureData, type FailureKind } from "../../../protocol/index.ts";

const MAP_COMMENT = "\n//# sourceMappingURL=data:application/json;";
const PROPS_BYTES_MAX = 16 * 1024;
const CAUSES_MAX = 4;

/** Parts a bundle from its inline source map, so that no engine applies the map by itself. */
export function splitSourceMap(code: string): { code: string; map: string | undefined } {
  const at = code.lastIndexOf(MAP_COMMENT);
  const comma = at < 0 ? -1 : code.indexOf("base64,", at);
  if (comma < 0) return { code, map: undefined };
  return { code: code.slice(0, at + 1), map: code.slice(comma + "base64,".length).trim() };
}

const fromBase64 = (base64: string): string =>
  new TextDecoder().decode(Uint8Array.from(atob(base64), (character) => character.charCodeAt(0)));

/** Where our own runtime is in a bundle; its frames are nothing to users. */
const OWN_SOURCE = /(?:^musketeers:|(?:^|\/)node_modules\/musketeers\/)/;
const FRAME = /^(\s+at )(?:(.*?) \()?(.*?):(\d+):(\d+)\)?$/;

/** Turns what a task threw into what is kept of it. */
export class Blame {
  readonly #url: string;
  #encodedMap: string | undefined;
  #map: TraceMap | undefined;

  constructor(url: string, map: string | undefined) {
    this.#url = url;
    this.#encodedMap = map;
  }

  /** What is kept of anything that was thrown; never throws itself. */
  failureOf(thrown: unknown, kind: FailureKind = "error"): FailureData {
    try {
      return thrown instanceof Error ? this.#ofError(thrown, kind) : ofOther(thrown, kind);
    } catch {
      return { kind, name: "Error", message: "an error that cannot be looked at was thrown", stack: "" };
    }
  }

  #ofError(error: Error, kind: FailureKind): FailureData {
    const props = propsOf(error);
    const data = { kind, name: nameOf(error), message: String(error.message), stack: this.stackOf(error) };
    return props === undefined ? data : { ...data, props };
  }

  /** The frames of the user's own code, and those of the causes. */
  stackOf(error: Error): string {
    const lines: string[] = [];
    let current: unknown = error;
    for (let depth = 0; depth < CAUSES_MAX && current instanceof Error; depth++) {
      if (depth > 0) lines.push(`Caused by ${nameOf(current)}: ${current.message}`);
      lines.push(...this.#frames(String(current.stack ?? "")));
      current = current.cause;
    }
    if (current !== undefined && current !== null && !(current instanceof Error)) {
      lines.push(`Caused by ${describe(current)}`);
    }
    return lines.join("\n");
  }

  #frames(stack: string): string[] {
    const frames: string[] = [];
    for (const line of stack.split("\n")) {
      const match = FRAME.exec(line);
      if (match === null) continue;
      const [, indent = "", name, url = "", row = "", column = ""] = match;
      if (!url.endsWith(this.#url)) continue;
      const place = this.#place(Number(row), Number(column));
      if (place === undefined) continue;
      const label = name?.replace(/^async (?=.)/, "").replace(/^(?:Module|Object)\./, "");
      const isAsync = name?.startsWith("async ") === true || url.startsWith("async ");
      const text = label === undefined || label === "<anonymous>" ? place : `${label} (${place})`;
      frames.push(`${indent}${isAsync ? "async " : ""}${text}`);
    }
    return frames;
  }

  /** A position of the bundle in the user's source; undefined where it is our own code. */
  #place(row: number, column: number): string | undefined {
    const map = this.#traceMap();
    const found = map && originalPositionFor(map, { line: row, column: column - 1 });
    if (found?.source == null) return `bundle.js:${row}:${column}`;
    if (OWN_SOURCE.test(found.source)) return undefined;
    return `${found.source}:${found.line}:${found.column + 1}`;
  }

  #traceMap(): TraceMap | undefined {
    if (this.#encodedMap !== undefined) {
      const encoded = this.#encodedMap;
      this.#encodedMap = undefined;
      try {
        const map = new TraceMap(fromBase64(encoded));
        // Reads the mappings now: a broken map is no map.
        eachMapping(map, () => {});
        this.#map = map;
      } catch {
        this.#map = undefined;
      }
    }
    return this.#map;
  }
}

function nameOf(error: Error): string {
  const name = String(error.name);
  const constructorName: unknown = error.constructor?.name;
  if (name !== "Error" || typeof constructorName !== "string" || constructorName === "") return name;
  return constructorName;
}

function describe(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return typeof value === "object" ? (JSON.stringify(value) ?? String(value)) : String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

function ofOther(thrown: unknown, kind: FailureKind): FailureData {
  const named = (typeof thrown === "object" && thrown !== null ? thrown : {}) as Record<string, unknown>;
  const name = typeof named.name === "string" ? named.name : "NonError";
  const message = typeof named.message === "string" ? named.message : describe(thrown);
  return { kind, name, message, stack: "" };
}

const SHOWN_ELSEWHERE = new Set(["name", "message", "stack", "cause"]);

/** Own properties beside the usual, as far as they can be sent. */
function propsOf(error: Error): Record<string, unknown> | undefined {
  const props: Record<string, unknown> = {};
  let bytes = 0;
  for (const [key, value] of Object.entries(error)) {
    if (SHOWN_ELSEWHERE.has(key)) continue;
    try {
      bytes += key.length + encodeValue(value).length;
    } catch {
      continue;
    }
    if (bytes > PROPS_BYTES_MAX) break;
    props[key] = value;
  }
  return Object.keys(props).length === 0 ? undefined : props;
}

/** The record of a failure; where its properties refuse to be sent, without them. */
export function recordOf(failure: FailureData): Uint8Array {
  try {
    return encodeFailure(failure);
  } catch {
    const { props: _props, ...rest } = failure;
    return encodeFailure(rest);
  }
}
