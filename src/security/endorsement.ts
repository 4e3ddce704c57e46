import { encode } from "cborg";
import { base64url } from "multiformats/bases/base64";
import { crc32, IMAGE_CHARACTERS_MAX, imageTrouble, MusketeersError } from "../protocol/index.ts";
import { concatBytes } from "./bytes.ts";
import type { CodeNeeds } from "./manifest.ts";
import { decodeList, isCount, isKey, isTexts } from "./signed-list.ts";

/*
 * What the owner of a project adds to an invite that the hub made: `…#SECRET.ENDORSEMENT`. A worker learns from it
 * whose code it may run, and what that asks for; a submitter gets a key of its own, certified. The hub sees none
 * of it: it could not know better, and shall not have the keys.
 */

const ENDORSEMENT_VERSION = 1;
/** Between the hub's part of an invite and the owner's. */
export const ENDORSEMENT_MARK = ".";
const CHECKSUM_BYTES = 4;
const HOSTS_MAX = 64;
/** They stand in an invite, which people paste. */
export const ASKED_IMAGES_MAX = 16;

/** What a project asks volunteers for from the beginning. */
export interface ProjectAsks extends Pick<CodeNeeds, "net" | "memoryBytes"> {
  /** Of containers, pinned; none where nothing is said. */
  readonly images?: readonly string[];
}

export interface Endorsement {
  /** Public root key of the invite's project. */
  readonly projectKey: Uint8Array;
  readonly asks: ProjectAsks;
  /** Of those who may submit: the certificate of a key, and the key itself, which is secret. */
  readonly signer?: Signer;
}

/** What code is signed with. */
export interface Signer {
  readonly certificate: Uint8Array;
  readonly secretKey: Uint8Array;
}

const checksum = (bytes: Uint8Array): Uint8Array => {
  const sum = new Uint8Array(CHECKSUM_BYTES);
  new DataView(sum.buffer).setUint32(0, crc32(bytes));
  return sum;
};

/** Puts an endorsement behind an invite, in the place of one that is there. */
export function endorseInvite(invite: string, { projectKey, asks, signer }: Endorsement): string {
  const { images = [] } = asks;
  const body = encode([
    ENDORSEMENT_VERSION,
    projectKey,
    asks.net,
    asks.memoryBytes,
    signer?.certificate ?? null,
    signer?.secretKey ?? null,
    // Last, so that a version that knows no images reads the rest.
    ...(images.length === 0 ? [] : [images]),
  ]);
  const at = invite.indexOf("#");
  const mark = at < 0 ? -1 : invite.indexOf(ENDORSEMENT_MARK, at);
  const made = mark < 0 ? invite : invite.slice(0, mark);
  return made + ENDORSEMENT_MARK + base64url.baseEncode(concatBytes(checksum(body), body));
}

const malformed = (): MusketeersError =>
  new MusketeersError("INVITE_MALFORMED", "The end of this invite is damaged, which names its project's key");

/** @throws MusketeersError `INVITE_MALFORMED` */
export function parseEndorsement(text: string): Endorsement {
  let bytes: Uint8Array;
  try {
    bytes = base64url.baseDecode(text);
  } catch {
    throw malformed();
  }
  const body = bytes.slice(CHECKSUM_BYTES);
  if (!checksum(body).every((byte, index) => byte === bytes[index])) throw malformed();
  const [version, projectKey, net, memoryBytes, certificate, secretKey, images = []] = decodeList(body) ?? [];
  if (version !== ENDORSEMENT_VERSION || !isKey(projectKey)) throw malformed();
  if (!isTexts(net, HOSTS_MAX, 256) || !isCount(memoryBytes)) throw malformed();
  if (!isTexts(images, ASKED_IMAGES_MAX, IMAGE_CHARACTERS_MAX) || images.some(imageTrouble))
    throw malformed();
  const asks = { net, memoryBytes, ...(images.length === 0 ? {} : { images }) };
  if (certificate === null && secretKey === null) return { projectKey, asks };
  if (!(certificate instanceof Uint8Array) || !isKey(secretKey)) throw malformed();
  return { projectKey, asks, signer: { certificate, secretKey } };
}
