import { createHash } from "node:crypto";
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/* Text to count words in: paragraphs that people wrote, this package's own documents, in an order that follows from a seed. */

const root = fileURLToPath(new URL("../../", import.meta.url));
const FILES = 16;
/** Of the whole corpus. */
export const CORPUS_BYTES = 268_435_456;

async function paragraphs(): Promise<Buffer[]> {
  const docs = (await readdir(join(root, "docs"))).filter((name) => name.endsWith(".md")).sort();
  const names = ["LICENSE", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];
  const paths = [...names, ...docs.map((name) => join("docs", name))];
  const texts = await Promise.all(paths.map((path) => readFile(join(root, path), "utf8")));
  return texts.flatMap((text) =>
    text
      .split(/\n{2,}/)
      .filter((paragraph) => paragraph.length > 40)
      .map((paragraph) => Buffer.from(`${paragraph}\n`)),
  );
}

const NEWLINE = 10;

/** At most so many bytes of a text, whose last line is whole; what is missing is filled up with empty ones. */
function wholeLines(text: Buffer, bytesMax: number): Buffer {
  if (text.length <= bytesMax) return text;
  const whole = Buffer.alloc(bytesMax, NEWLINE);
  text.copy(whole, 0, 0, text.lastIndexOf(NEWLINE, bytesMax - 1) + 1);
  return whole;
}

/** Writes the corpus into a directory; gives its files. */
export async function writeCorpus(directory: string, seed: number): Promise<string[]> {
  const parts = await paragraphs();
  const files: string[] = [];
  for (let file = 0; file < FILES; file++) {
    const path = join(directory, `part-${String(file).padStart(2, "0")}.txt`);
    const handle = await open(path, "w");
    let left = CORPUS_BYTES / FILES;
    for (let block = 0; left > 0; block++) {
      const draws = createHash("sha512").update(`${seed} ${file} ${block}`).digest();
      const chosen = Array.from({ length: 32 }, (_, at) => parts[draws.readUInt16LE(at * 2) % parts.length]!);
      const bytes = wholeLines(Buffer.concat(chosen), left);
      await handle.write(bytes);
      left -= bytes.length;
    }
    await handle.close();
    files.push(path);
  }
  return files;
}
