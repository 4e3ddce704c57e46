import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MusketeersError } from "../../protocol/index.ts";

/** What four computers of 2016 took for 26,470 words, one message a word. */
export const wordCount2016 = Object.freeze({ words: 26_470, wallMs: 203_000 });

/** Words as in 2016: split at spaces and line ends, case kept, empty ones dropped. */
export const splitWords = (text: string): string[] => text.split(/[ \r\n]+/).filter((word) => word !== "");

const packageDirectory = fileURLToPath(new URL("../../../", import.meta.url));

/** The texts that come with every copy of the package: its licence and its documentation. */
async function packageTexts(): Promise<string[]> {
  const docs = join(packageDirectory, "docs");
  const pages = (await readdir(docs).catch(() => [])).filter((name) => name.endsWith(".md")).sort();
  const files = ["LICENSE", "README.md", "CHANGELOG.md"]
    .map((name) => join(packageDirectory, name))
    .concat(pages.map((name) => join(docs, name)));
  const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
  // Prose has words; the rules of tables would be the most frequent of them.
  return texts.map((text) => text.replace(/^\|.*$/gm, "")).filter((text) => text !== "");
}

/**
 * The text whose words are counted: a file, or the package's own texts.
 * @throws MusketeersError `BAD_ARGUMENT` where the file cannot be read
 */
export async function readText(path: string | undefined): Promise<string> {
  if (path === undefined) return (await packageTexts()).join("\n");
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new MusketeersError("BAD_ARGUMENT", `Cannot read ${path}: ${(cause as Error).message}`, {
      hint: "Name a text file with --text FILE, or leave it out for the package's own texts.",
      cause,
    });
  }
}

/** Adds up pairs of a word and a number. */
export class Tally {
  readonly #counts = new Map<string, number>();
  #total = 0;

  add([word, number]: readonly [string, number]): void {
    this.#total += number;
    this.#counts.set(word, (this.#counts.get(word) ?? 0) + number);
  }

  get total(): number {
    return this.#total;
  }

  get distinct(): number {
    return this.#counts.size;
  }

  /** The most frequent words; of equally frequent ones the earlier in the alphabet first. */
  top(length: number): (readonly [word: string, count: number])[] {
    return [...this.#counts]
      .sort(([left, many], [right, most]) => most - many || (left < right ? -1 : 1))
      .slice(0, length);
  }
}
