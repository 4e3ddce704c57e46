import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { MusketeersError } from "../../protocol/index.ts";
import type { Terminal } from "../terminal.ts";

/** How the lines of an input file are read. `auto`: as JSON where the first line is JSON. */
export type InputFormat = "auto" | "json" | "lines";
export const inputFormats: readonly InputFormat[] = Object.freeze(["auto", "json", "lines"] as const);

const isJson = (line: string): boolean => {
  try {
    JSON.parse(line);
    return true;
  } catch {
    return false;
  }
};

/**
 * The inputs of a job, one a line, pulled as they are wanted. JSON lines may be blank, which is no input;
 * in plain lines a blank one is the empty text.
 * @throws MusketeersError `BAD_ARGUMENT` with the number of the line that is no JSON
 */
export async function* parseInputs(
  lines: AsyncIterable<string> | Iterable<string>,
  format: InputFormat,
): AsyncGenerator<unknown> {
  let json = format === "auto" ? undefined : format === "json";
  let number = 0;
  for await (const line of lines) {
    number++;
    if (json !== false && line.trim() === "") continue;
    json ??= isJson(line);
    if (!json) {
      yield line;
      continue;
    }
    try {
      yield JSON.parse(line);
    } catch (cause) {
      throw new MusketeersError("BAD_ARGUMENT", `Line ${number} of the inputs is no JSON`, {
        hint:
          format === "auto"
            ? "The first line was JSON, so all must be; use --format lines to take them as text."
            : "Write one JSON value a line, or use --format lines.",
        cause,
      });
    }
  }
}

/**
 * Lines of a file, or of standard input for `-` and where nothing is named and something is piped in.
 * @throws MusketeersError `BAD_ARGUMENT` where there is nothing to read
 */
export function openInputs(path: string | undefined, terminal: Terminal): AsyncIterable<string> {
  if (path === undefined && terminal.inputIsTTY) {
    throw new MusketeersError("BAD_ARGUMENT", "There are no inputs", {
      hint: "Name a file with --inputs FILE, one input a line, or pipe lines in.",
    });
  }
  return readLines(path ?? "-", () =>
    path === undefined || path === "-" ? terminal.input : createReadStream(path),
  );
}

async function* readLines(name: string, open: () => Readable): AsyncGenerator<string> {
  const stream = open().setEncoding("utf8");
  let rest = "";
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield line.endsWith("\r") ? line.slice(0, -1) : line;
    }
  } catch (cause) {
    throw new MusketeersError("BAD_ARGUMENT", `Cannot read ${name}: ${(cause as Error).message}`, {
      hint: "Name a file with one input a line, or - for standard input.",
      cause,
    });
  }
  if (rest !== "") yield rest;
}
