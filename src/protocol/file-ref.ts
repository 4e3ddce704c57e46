import { MusketeersError } from "./errors.ts";

/*
 * A file as a value: a reference under a tag of its own, so that handles travel in inputs and results and
 * equal files give equal bytes. What a realm makes of one that it decodes is its own choice.
 */

/** Unassigned with IANA; "MS". */
export const TAG_FILE = 0x4d53;

/** A file by its content. */
export interface FileRef {
  /** Of its UnixFS root. */
  readonly cid: string;
  /** Of its content. */
  readonly bytes: number;
  /** Where it stood in its folder, with slashes. */
  readonly name?: string;
  /** The part of it that is meant, in bytes; all of it where nothing is said. `end` is not among them. */
  readonly start?: number;
  readonly end?: number;
}

/** Whatever has a `FileRef` under this key travels as a file. */
export const fileRefKey: unique symbol = Symbol.for("musketeers.fileRef") as never;

/** Something that travels as a file. */
export interface FileValue {
  readonly [fileRefKey]: FileRef;
}

/** The least that travels as a file. */
export const asFileValue = (ref: FileRef): FileValue => ({ [fileRefKey]: ref });

/** The reference of what travels as a file; undefined for everything else. */
export function fileRefOf(value: unknown): FileRef | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Partial<FileValue>)[fileRefKey];
}

/** Version, codec and hash are looked at by whoever fetches it. */
const cidLike = /^b[a-z2-7]{58}$/;
const NAME_CHARS_MAX = 4096;

const isOffset = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** What the tag holds. */
export function fileRefItems({ cid, bytes, name, start, end }: FileRef): unknown[] {
  const items = [cid, bytes, name ?? null];
  return start === undefined && end === undefined ? items : [...items, start ?? 0, end ?? bytes];
}

/** @throws MusketeersError `PROTOCOL` for what is no reference. */
export function parseFileRef(items: unknown): FileRef {
  if (Array.isArray(items) && (items.length === 3 || items.length === 5)) {
    const [cid, bytes, name, start, end] = items as unknown[];
    const isNamed = name === null || (typeof name === "string" && name.length <= NAME_CHARS_MAX);
    const whole = items.length === 3;
    const isPart = whole || (isOffset(start) && isOffset(end) && start <= end && end <= (bytes as number));
    if (typeof cid === "string" && cidLike.test(cid) && isOffset(bytes) && isNamed && isPart) {
      return {
        cid,
        bytes,
        ...(name === null ? {} : { name: name as string }),
        ...(whole ? {} : { start: start as number, end: end as number }),
      };
    }
  }
  throw new MusketeersError("PROTOCOL", "A file that is no reference to one");
}
