import type { Outcome } from "../../client/index.ts";
import type { Terminal } from "../terminal.ts";
import { count, plural, printable } from "./format.ts";
import { jsonLine } from "./json.ts";
import type { Style } from "./style.ts";

/** What a job has to say of one input. */
export type AnyOutcome = Outcome<unknown>;

/** One result as it is printed: what is known of its input, then its value or its error. */
export function resultLine(result: AnyOutcome, known: Readonly<Record<string, unknown>>): string {
  if (result.ok) return jsonLine({ ...known, value: result.value });
  const { name, message, kind, code, stack } = result.error;
  return jsonLine({ ...known, error: { name, message, kind, code, stack } });
}

const GROUPS_SHOWN = 5;
const HINTS_SHOWN = 3;

/** Prints results one a line, and remembers what failed. */
export class ResultWriter {
  readonly #terminal: Terminal;
  readonly #valuesOnly: boolean;
  /** Failures by class and message. */
  readonly #groups = new Map<string, number>();
  /** What to do about them. */
  readonly #hints = new Set<string>();
  done = 0;
  failed = 0;

  constructor(terminal: Terminal, valuesOnly: boolean) {
    this.#terminal = terminal;
    this.#valuesOnly = valuesOnly;
  }

  write(result: AnyOutcome, known: Readonly<Record<string, unknown>>): void {
    this.done++;
    if (!result.ok) {
      this.failed++;
      const group = `${result.error.name}: ${result.error.message.split("\n", 1)[0]}`;
      // The rest is counted together, so that a million different messages take no memory.
      const key = this.#groups.has(group) || this.#groups.size < 1_000 ? group : "others";
      this.#groups.set(key, (this.#groups.get(key) ?? 0) + 1);
      if (result.error.hint !== "" && this.#hints.size < HINTS_SHOWN) this.#hints.add(result.error.hint);
      if (this.#valuesOnly) return;
    }
    this.#terminal.out(this.#valuesOnly && result.ok ? jsonLine(result.value) : resultLine(result, known));
  }

  /** What failed, the most frequent first; empty where nothing did. */
  failureSummary(style: Style): string {
    if (this.failed === 0) return "";
    const groups = [...this.#groups].sort(([, few], [, many]) => many - few);
    const lines = groups
      .slice(0, GROUPS_SHOWN)
      .map(([text, number]) => `  ${count(number)} ×  ${printable(text)}\n`);
    const rest = groups.length - lines.length;
    const more = rest > 0 ? `  … and ${plural(rest, "other error")}\n` : "";
    const hints = [...this.#hints].map((hint) => `${style.bold("hint:")}  ${printable(hint)}\n`);
    return `${style.bad(`${count(this.failed)} of ${plural(this.done, "input")} failed:`)}\n${lines.join("")}${more}${hints.join("")}`;
  }
}
