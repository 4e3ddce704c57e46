import { type ChunkPool, type NamedChunk, pathParts } from "../../data/index.ts";
import { MusketeersError } from "../../protocol/index.ts";

/** What a file holds: as a whole, or as it comes. */
export type Content = Uint8Array | Blob | AsyncIterable<Uint8Array>;

/** How content is to be read that is read for one purpose only. */
export interface Reading {
  readonly chunkBytes: number;
  /** Where it may be read into. */
  readonly pool: ChunkPool;
  /** Whether the names of chunks are all that is wanted. */
  readonly namesOnly: boolean;
  /** No more than so many bytes are wanted. */
  readonly bytesMax?: number;
  /** Told when all is read that somebody wrote to it meanwhile. */
  readonly onChanged?: () => void;
}

/** Content that nobody else uses; chunks of a file of this machine may come with their names. */
export type ContentMaker = (reading: Reading) => Content | AsyncIterable<Uint8Array | NamedChunk>;

export interface SourceFile {
  /** Where it is to stand in the dataset, with slashes. */
  readonly path: string;
  /** Nothing for a folder, which is made also where nothing is in it. */
  readonly content?: Content | ContentMaker;
  readonly bytes?: number;
}

/** Many files at once: their own list, a browser's `FileList`, or a path of this machine, which may be a folder. */
export type PutFiles =
  | string
  | URL
  | { readonly files: Iterable<SourceFile | File> | AsyncIterable<SourceFile | File> };

/** What can be put. */
export type PutSource = Content | PutFiles;

/** Something in a folder of this machine that is no file: a link to a folder or to nothing, a pipe, a socket, a device. */
export interface LeftOut {
  readonly path: string;
  /** What it is, such as `a pipe`. */
  readonly why: string;
}

export type OnLeftOut = (entry: LeftOut) => void;

/** Lists what is at a path of this machine; where there are no paths, there is none. */
export type ListPath = (path: string, onLeftOut?: OnLeftOut) => AsyncIterable<SourceFile>;

const isBlob = (value: unknown): value is Blob => typeof Blob === "function" && value instanceof Blob;

/** Whether it is the content of one file, not a list of files. */
export const isContent = (source: PutSource): source is Content =>
  source instanceof Uint8Array ||
  isBlob(source) ||
  (typeof source === "object" && source !== null && Symbol.asyncIterator in source);

/** Content piece by piece. */
export function partsOf(
  content: ReturnType<ContentMaker>,
): AsyncIterable<Uint8Array | NamedChunk> | Iterable<Uint8Array> {
  if (content instanceof Uint8Array) return [content];
  return isBlob(content) ? (content.stream() as unknown as AsyncIterable<Uint8Array>) : content;
}

/** The length of content where it is known before it is read. */
export function lengthOf(content: Content | ContentMaker): number | undefined {
  if (content instanceof Uint8Array) return content.length;
  return isBlob(content) ? content.size : undefined;
}

/** What a piece of content is called where it is put by itself. */
export const nameOfContent = (content: Content): string | undefined =>
  isBlob(content) && "name" in content ? baseName(String(content.name)) : undefined;

export const baseName = (path: string): string => path.split(/[/\\]/).filter(Boolean).at(-1) ?? "";

function asSourceFile(file: SourceFile | File): SourceFile {
  if (!isBlob(file)) return file;
  // Browsers say where a file of a chosen folder stood.
  const { webkitRelativePath = "", name } = file as File & { readonly webkitRelativePath?: string };
  const path = webkitRelativePath || name;
  return { path, content: file, bytes: file.size };
}

/** What stopped a fetch, such as `: connect ECONNREFUSED …`. */
const reasonOf = (error: unknown): string =>
  error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";

async function* fetched(url: URL): AsyncGenerator<SourceFile> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new MusketeersError("NOT_FOUND", `${url.href} cannot be fetched${reasonOf(cause)}`, {
      cause,
      hint: "Is the address right, and does its server answer?",
    });
  });
  if (!response.ok || response.body === null) {
    throw new MusketeersError("NOT_FOUND", `${url.href} was answered with ${response.status}`, {
      hint: "Is the address right?",
    });
  }
  const bytes = Number(response.headers.get("content-length") ?? Number.NaN);
  const content = response.body as unknown as AsyncIterable<Uint8Array>;
  const path = baseName(decodeURIComponent(url.pathname)) || url.hostname;
  yield { path, content, ...(Number.isSafeInteger(bytes) ? { bytes } : {}) };
}

/**
 * The files of a source, with checked paths.
 * @throws MusketeersError `BAD_ARGUMENT`, `NOT_FOUND`
 */
export async function* filesOf(
  source: PutFiles,
  listPath: ListPath | undefined,
  onLeftOut?: OnLeftOut,
): AsyncGenerator<SourceFile> {
  if (source instanceof URL && /^https?:$/.test(source.protocol)) return yield* fetched(source);
  if (typeof source === "string" || source instanceof URL) {
    if (listPath === undefined) {
      throw new MusketeersError("BAD_ARGUMENT", "There are no paths here", {
        hint: "Give files or bytes: put({ files: input.files }).",
      });
    }
    const path = typeof source === "string" ? source : decodeURIComponent(source.pathname);
    return yield* listPath(path, onLeftOut);
  }
  if (typeof source !== "object" || source === null || !("files" in source)) {
    throw new MusketeersError("BAD_ARGUMENT", "Nothing that could be put", {
      hint: "Give bytes, a stream of bytes, a path, a URL, or { files }.",
    });
  }
  for await (const file of source.files) {
    const each = asSourceFile(file);
    pathParts(each.path);
    yield each;
  }
}
