import { defaultLimits as limits } from "../default-limits.ts";
import type { Fields } from "./fields.ts";

/*
 * How a hub whose disk is lost is put together again from what trusted workers keep: its catalogue, which it
 * signed and gave to them, and the blocks of the datasets in it.
 */

/** Hub: keep this. Worker: this is what I keep. The body is a signed catalogue; empty: there is none. */
export interface CatalogueMessage {
  readonly type: "catalogue";
}

/** The same of who did how much, and what is known of whom. A worker says it before its catalogue. */
export interface AccountsMessage {
  readonly type: "accounts";
}

/** Hub: give me the catalogue that you keep, and the accounts. */
export interface RecallMessage {
  readonly type: "recall";
}

/** Hub: store these blocks here, if you keep them. */
export interface UploadMessage {
  readonly type: "upload";
  /** Comes back with the answer. */
  readonly call: number;
  readonly cids: readonly string[];
}

/** Worker: has stored what it keeps of an `upload`. */
export interface UploadedMessage {
  readonly type: "uploaded";
  readonly call: number;
}

/** Hub: keep these folders, with all that is below them, and no other, until the next such list. */
export interface KeepMessage {
  readonly type: "keep";
  readonly cids: readonly string[];
}

/** Worker, when it has joined and whenever that changes: the folders that it keeps whole. */
export interface KeptMessage {
  readonly type: "kept";
  readonly cids: readonly string[];
  /** Those of which it has some blocks. */
  readonly partial: readonly string[];
  /** Those of the list that it could not get or has no space for. */
  readonly refused: readonly string[];
}

export type RecoveryToHub = CatalogueMessage | AccountsMessage | UploadedMessage | KeptMessage;
export type HubToKeeper = CatalogueMessage | AccountsMessage | RecallMessage | UploadMessage | KeepMessage;

const CID_LENGTH_MAX = 128;

const folders = (fields: Fields, name: string): readonly string[] =>
  fields.strings(name, limits.replicasPerWorkerMax, CID_LENGTH_MAX);

/** Parses what a worker says to a hub that recovers; undefined where the type is none of these. */
export function parseRecoveryToHub(type: string, fields: Fields): RecoveryToHub | undefined {
  switch (type) {
    case "catalogue":
    case "accounts":
      return { type };
    case "uploaded":
      return { type, call: fields.integer("call") };
    case "kept":
      return {
        type,
        cids: folders(fields, "cids"),
        partial: fields.has("partial") ? folders(fields, "partial") : [],
        refused: folders(fields, "refused"),
      };
    default:
      return undefined;
  }
}

/** Parses what a hub says to those who keep things for it; undefined where the type is none of these. */
export function parseHubToKeeper(type: string, fields: Fields): HubToKeeper | undefined {
  switch (type) {
    case "catalogue":
    case "accounts":
    case "recall":
      return { type };
    case "keep":
      return { type, cids: folders(fields, "cids") };
    case "upload":
      return {
        type,
        call: fields.integer("call"),
        cids: fields.strings("cids", limits.uploadBlocksMax, CID_LENGTH_MAX),
      };
    default:
      return undefined;
  }
}
