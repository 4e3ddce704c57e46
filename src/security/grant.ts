import { decode, encode } from "cborg";
import { MusketeersError, type Role, roles } from "../protocol/index.ts";
import { concatBytes, equalBytes, transcript } from "./bytes.ts";
import { KEY_BYTES, publicKeyOf, SIGNATURE_BYTES, sign, verify } from "./ed25519.ts";

/*
 * A grant is what a hub once signed about an invite's key: a CBOR list and the hub's signature behind it.
 * It is public; the right to use it is the invite's secret key, which never leaves its owner.
 */

export const GRANT_VERSION = 2;
const GRANT_DOMAIN = "musketeers grant 2";
export const LABEL_CHARACTERS_MAX = 200;
export const PERSON_CHARACTERS_MAX = 64;
/** Bytes of a digest that a TLS key is pinned by. */
export const PIN_BYTES = 32;

/** Whom an invite stands for. */
export interface Terms {
  /** How many different keys may take it up in all; null: any number. */
  readonly uses: number | null;
  /** How many people it is for, each key being one; null: it stands for one person, whatever machines use it. */
  readonly people: number | null;
  /** Who it is, where the operator says; invites of one person name the same. */
  readonly person: string;
  /** The hub's owner vouches for whoever comes with it. */
  readonly trusted: boolean;
}

/** What holds where an invite's maker says nothing. */
export const defaultTerms: Terms = Object.freeze({ uses: null, people: null, person: "", trusted: false });

/** What an invite allows. Times are milliseconds since 1970. */
export interface Grant extends Terms {
  readonly version: number;
  readonly id: string;
  readonly role: Role;
  /** Public key of the hub that gave it. */
  readonly hubKey: Uint8Array;
  readonly project: string;
  /** Public key of the invite. */
  readonly publicKey: Uint8Array;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** For people: whom or what it is for; may be empty. */
  readonly label: string;
  /** SHA-256 of the public key (SPKI) that the hub's TLS certificate must have; null: what the system trusts. */
  readonly tlsPin: Uint8Array | null;
}

const malformed = (why: string, cause?: unknown): MusketeersError =>
  new MusketeersError("INVITE_MALFORMED", `This is no grant: ${why}`, { cause });

function encodePayload(grant: Grant): Uint8Array {
  return encode([
    grant.version,
    grant.id,
    roles.indexOf(grant.role),
    grant.hubKey,
    grant.project,
    grant.publicKey,
    grant.issuedAtMs,
    grant.expiresAtMs,
    grant.label,
    grant.uses,
    grant.people,
    grant.person,
    grant.trusted,
    grant.tlsPin,
  ]);
}

/** The grant's bytes with a signature that was made before. */
export const joinGrant = (grant: Grant, signature: Uint8Array): Uint8Array =>
  concatBytes(encodePayload(grant), signature);

/** Signs a grant with the hub's secret key. */
export function signGrant(grant: Omit<Grant, "hubKey" | "version">, hubSecretKey: Uint8Array) {
  const whole: Grant = { ...grant, version: GRANT_VERSION, hubKey: publicKeyOf(hubSecretKey) };
  const signature = sign(transcript(GRANT_DOMAIN, encodePayload(whole)), hubSecretKey);
  return { grant: whole, signature, bytes: joinGrant(whole, signature) };
}

const isText = (value: unknown, lengthMax: number): value is string =>
  typeof value === "string" && value.length <= lengthMax;
const isKey = (value: unknown): value is Uint8Array =>
  value instanceof Uint8Array && value.length === KEY_BYTES;
const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isCount = (value: unknown): value is number | null =>
  value === null || (Number.isSafeInteger(value) && (value as number) > 0);
const isPin = (value: unknown): value is Uint8Array | null =>
  value === null || (value instanceof Uint8Array && value.length === PIN_BYTES);

/** How many fields `grantOf` takes. */
export const GRANT_FIELDS = 14;

/** Checks the fields of a grant, as they stand in the list. */
export function grantOf(fields: readonly unknown[]): Grant {
  const [version, id, roleIndex, hubKey, project, publicKey, issuedAtMs, expiresAtMs, label, ...rest] =
    fields;
  const [uses, people, person, trusted, tlsPin] = rest;
  if (version !== GRANT_VERSION) {
    throw new MusketeersError("INVITE_MALFORMED", `This invite has the version ${String(version)}`, {
      hint: `This program understands version ${GRANT_VERSION}; use the hub's own version of it.`,
    });
  }
  const role = typeof roleIndex === "number" ? roles[roleIndex] : undefined;
  if (role === undefined) throw malformed("it names no role");
  if (!isText(id, 64) || !isText(project, 256) || !isText(label, LABEL_CHARACTERS_MAX)) {
    throw malformed("a text is missing or too long");
  }
  if (!isKey(hubKey) || !isKey(publicKey)) throw malformed("a key is missing");
  if (!isTime(issuedAtMs) || !isTime(expiresAtMs)) throw malformed("a time is missing");
  if (!isCount(uses) || !isCount(people) || !isText(person, PERSON_CHARACTERS_MAX)) {
    throw malformed("it does not say whom it is for");
  }
  if (typeof trusted !== "boolean" || !isPin(tlsPin)) throw malformed("a field is missing");
  const terms = { uses, people, person, trusted };
  const main = { id, role, hubKey, project, publicKey, issuedAtMs, expiresAtMs, label };
  return { version: GRANT_VERSION, ...main, ...terms, tlsPin };
}

function decodeGrant(bytes: Uint8Array): { grant: Grant; payload: Uint8Array; signature: Uint8Array } {
  const cut = bytes.length - SIGNATURE_BYTES;
  if (cut <= 0) throw malformed("it is too short");
  const payload = bytes.subarray(0, cut);
  let fields: unknown;
  try {
    fields = decode(payload, { allowIndefinite: false, strict: true });
  } catch (cause) {
    throw malformed((cause as Error).message, cause);
  }
  if (!Array.isArray(fields) || fields.length !== GRANT_FIELDS)
    throw malformed("it is no list of its fields");
  return { grant: grantOf(fields), payload, signature: bytes.subarray(cut) };
}

/**
 * Reads a grant that came over the wire and checks that this hub gave it and that it still holds.
 * @throws MusketeersError `INVITE_MALFORMED`, `UNAUTHORIZED` where another key signed it,
 * `INVITE_EXPIRED`.
 */
export function openGrant(bytes: Uint8Array, hubPublicKey: Uint8Array, nowMs: number): Grant {
  const { grant, payload, signature } = decodeGrant(bytes);
  if (!equalBytes(grant.hubKey, hubPublicKey)) {
    throw new MusketeersError(
      "UNAUTHORIZED",
      "This invite is from another hub, or from before its key changed",
    );
  }
  if (!verify(signature, transcript(GRANT_DOMAIN, payload), hubPublicKey)) {
    throw new MusketeersError("UNAUTHORIZED", "This invite was not signed by this hub");
  }
  if (nowMs >= grant.expiresAtMs) {
    throw new MusketeersError(
      "INVITE_EXPIRED",
      `This invite ended ${new Date(grant.expiresAtMs).toISOString()}`,
    );
  }
  return grant;
}

/** Whether the hub that a grant names signed it; says nothing about who that hub is. */
export function isGrantIntact(grant: Grant, signature: Uint8Array): boolean {
  return verify(signature, transcript(GRANT_DOMAIN, encodePayload(grant)), grant.hubKey);
}
