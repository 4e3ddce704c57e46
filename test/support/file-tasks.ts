import { type BlobHandle, putFile, task } from "../../src/client/index.ts";

/* Tasks that read and write files of the cluster. */

/** Looks at a file in every way. */
export const look = task(async ({ file }: { readonly file: BlobHandle }) => {
  const lines: string[] = [];
  for await (const line of file.lines()) lines.push(line);
  let streamed = 0;
  for await (const chunk of file.stream()) streamed += chunk.length;
  return { name: file.name, size: file.size, first: lines[0], lines: lines.length, streamed };
});

export const readText = task((file: BlobHandle) => file.text());

/** A part of a file, out of its middle. */
export const middle = task(async ({ file, start, end }: { file: BlobHandle; start: number; end: number }) =>
  file.bytes({ start, end }),
);

/** Writes a file line by line, and gives it back in the midst of something. */
export const upperCase = task(async (file: BlobHandle) => {
  async function* lines() {
    for await (const line of file.lines()) yield `${line.toUpperCase()}\n`;
  }
  return { list: [await putFile(lines(), { name: `upper/${file.name}` })] };
});

/** Writes a file of so many bytes. */
export const fill = task(async (bytes: number) => {
  function* parts() {
    for (let at = 0; at < bytes; at += 100_000)
      yield new Uint8Array(Math.min(100_000, bytes - at)).fill(at / 100_000);
  }
  return putFile(parts());
});

export const sumOfCsv = task(async (file: BlobHandle) => {
  let sum = 0;
  for await (const { amount } of file.csv()) sum += Number(amount);
  return sum;
});

/** Copies a file piece by piece; says at a web site when it has begun. */
export const copyWatched = task(
  async ({ file, url }: { readonly file: BlobHandle; readonly url: string }) => {
    async function* parts() {
      let isFirst = true;
      for await (const chunk of file.stream()) {
        yield chunk;
        if (isFirst) await (await fetch(url)).text();
        isFirst = false;
      }
    }
    return putFile(parts(), { name: "copy" });
  },
);
