import { isCount, isText, isTexts, openList, signList } from "./signed-list.ts";

/*
 * What the owner of a project signs with its root key of certificates that end before their date. The hub keeps the
 * latest list and hands it to workers; it can hold it back, but neither change nor shorten it unseen.
 */

const REVOCATIONS_VERSION = 1;
const REVOCATIONS_DOMAIN = "musketeers revocations 1";
const SERIALS_MAX = 10_000;
const SERIAL_LENGTH_MAX = 64;

export interface Revocations {
  readonly project: string;
  /** Milliseconds since 1970; a later list replaces an earlier one. */
  readonly issuedAtMs: number;
  /** As in `Certificate.serial`. */
  readonly serials: readonly string[];
}

export const signRevocations = (
  { project, issuedAtMs, serials }: Revocations,
  rootSecretKey: Uint8Array,
): Uint8Array =>
  signList([REVOCATIONS_VERSION, project, issuedAtMs, serials], REVOCATIONS_DOMAIN, rootSecretKey);

/** A list that the owner of this project signed; undefined for anything else. */
export function openRevocations(
  bytes: Uint8Array,
  rootKey: Uint8Array,
  project: string,
): Revocations | undefined {
  const fields = openList(bytes, REVOCATIONS_DOMAIN, rootKey);
  if (fields === undefined) return undefined;
  const [version, name, issuedAtMs, serials] = fields;
  const isWhole =
    version === REVOCATIONS_VERSION &&
    isText(name, 256) &&
    name === project &&
    isCount(issuedAtMs) &&
    isTexts(serials, SERIALS_MAX, SERIAL_LENGTH_MAX);
  return isWhole ? { project, issuedAtMs, serials } : undefined;
}
