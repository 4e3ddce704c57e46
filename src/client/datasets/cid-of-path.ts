import type { BlockSink } from "../../data/index.ts";
import { Builder, type BuildOptions, poolFor } from "./put.ts";
import { type Content, nameOfContent, type OnLeftOut } from "./put-source.ts";
import { isFolder, listPath, readChunks } from "./source-path.ts";

/** Makes blocks and forgets them. */
function hashingBuilder(options: BuildOptions): Builder {
  const pool = poolFor(options);
  const sink: BlockSink = {
    put: (_cid, bytes) => {
      pool.give(bytes);
      return undefined;
    },
  };
  return new Builder(sink, { ...options, namesOnly: true }, pool);
}

/**
 * The CID that a file or folder of this machine would have; nothing is stored.
 * @throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT`
 */
export async function cidOfPath(
  path: string,
  { onLeftOut, ...options }: BuildOptions & { readonly onLeftOut?: OnLeftOut } = {},
): Promise<string> {
  const builder = hashingBuilder(options);
  if (await isFolder(path)) return (await builder.folder(listPath(path, onLeftOut))).root.cid;
  return (await builder.file((reading) => readChunks(path, reading), path)).cid;
}

/** The CID that content would have. */
export async function cidOfContent(content: Content, options: BuildOptions = {}): Promise<string> {
  return (await hashingBuilder(options).file(content, nameOfContent(content) ?? "")).cid;
}
