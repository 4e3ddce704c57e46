import type { BlobKey, Place } from "./blob-index.ts";
import type { GroupBytes } from "./group-bytes.ts";
import type { Pack } from "./pack.ts";

export interface Written {
  readonly key: BlobKey;
  readonly bytes: number;
  /** Where it stands in its group. */
  readonly at: number;
  /** Where it was copied from; undefined for what is new. */
  readonly from: Copied | undefined;
}

/** A blob that is to be written. */
export interface Writing {
  readonly key: BlobKey;
  readonly bytes: Uint8Array;
  readonly from?: Copied;
  /** Called when its bytes are needed no more; where it is not given, a copy is kept of them. */
  readonly release?: (() => void) | undefined;
}

export interface Copied {
  readonly row: number;
  readonly place: Place;
}

/** Records that are written together. */
export interface Group {
  readonly records: Written[];
  /** Resolves when they are written; not synced. */
  readonly done: Promise<void>;
  /** Where, when they are. */
  readonly pack: Pack | undefined;
  readonly start: number;
  readonly end: number;
}

/** One that is filled, or being written. */
export interface FillingGroup extends Group {
  pack: Pack | undefined;
  start: number;
  end: number;
  readonly content: GroupBytes;
  /** Let go of blobs that are written from where they are. */
  readonly releases: (() => void)[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A promise that others settle; nobody has to wait for it. */
export function withResolvers() {
  let resolve: () => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {});
  return { promise, resolve, reject };
}
