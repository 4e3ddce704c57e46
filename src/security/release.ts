import { encode } from "cborg";
import { MusketeersError } from "../protocol/index.ts";
import { decodeList, isCount, isKey, isText } from "./signed-list.ts";
import { openStatement, signStatement } from "./statement.ts";

const RELEASE = "release";
const VERSION_CHARACTERS_MAX = 64;

/** The program that a hub hands out, as the hub vouches for it. */
export interface Release {
  readonly version: string;
  /** SHA-256 over the names and contents of its files: the same wherever and however it was packed. */
  readonly digest: Uint8Array;
  /** SHA-256 and size of the archive. */
  readonly archive: Uint8Array;
  readonly archiveBytes: number;
}

/** Signs what the hub hands out; of two the one with the larger number holds, so that no old one can be replayed. */
export const signRelease = (
  { version, digest, archive, archiveBytes }: Release,
  sequence: number,
  hubSecretKey: Uint8Array,
): Uint8Array =>
  signStatement(
    { about: RELEASE, sequence, content: encode([version, digest, archive, archiveBytes]) },
    hubSecretKey,
  );

/**
 * Reads what the hub of this key hands out.
 * @throws MusketeersError `UNAUTHORIZED` for what another key signed, or what is no release
 */
export function openRelease(bytes: Uint8Array, hubKey: Uint8Array): Release & { readonly sequence: number } {
  const { sequence, content } = openStatement(bytes, RELEASE, hubKey);
  const [version, digest, archive, archiveBytes] = decodeList(content) ?? [];
  if (!isText(version, VERSION_CHARACTERS_MAX) || !isKey(digest) || !isKey(archive) || !isCount(archiveBytes))
    throw new MusketeersError("UNAUTHORIZED", "The hub's word on its program is incomplete");
  return { version, digest, archive, archiveBytes, sequence };
}
