import { decode, encode } from "cborg";
import { base64pad, base64url } from "multiformats/bases/base64";
import { MusketeersError, type Role, roles } from "../protocol/index.ts";
import { KEY_BYTES, newSecretKey, publicKeyOf, SIGNATURE_BYTES } from "./ed25519.ts";
import { ENDORSEMENT_MARK, type Endorsement, parseEndorsement } from "./endorsement.ts";
import {
  defaultTerms,
  GRANT_FIELDS,
  GRANT_VERSION,
  grantOf,
  isGrantIntact,
  joinGrant,
  LABEL_CHARACTERS_MAX,
  PERSON_CHARACTERS_MAX,
  signGrant,
  type Terms,
} from "./grant.ts";
import { newId } from "./id.ts";
import { type RandomBytes, randomBytes } from "./random.ts";

/*
 * An invite is one URL, `http://host:port/join#…`. What stands behind `#` is not sent by browsers: the
 * invite's secret key and the fields of its grant with the hub's signature. The grant's public key is
 * left out, because the secret key gives it.
 */

/** Path of the hub's WebSocket, below its address. */
export const LINK_PATH = "/link";
const JOIN_PATH = "/join";

/** What its owner needs to reach a hub and to prove a right there. */
export interface Invite {
  /** The hub's address for HTTP, without a slash at its end. */
  readonly url: string;
  /** The hub's address for WebSockets. */
  readonly wsUrl: string;
  /** Public key that the hub must prove. */
  readonly hubKey: Uint8Array;
  /** What the hub signed; goes into `hello`. */
  readonly grant: Uint8Array;
  readonly grantId: string;
  readonly role: Role;
  readonly project: string;
  readonly label: string;
  readonly expiresAtMs: number;
  /** SHA-256 of the public key that the hub's TLS certificate must have; null: what the system trusts. */
  readonly tlsPin: Uint8Array | null;
  /** Its users are counted: each has to come with a key of their own. */
  readonly counted: boolean;
  /** Never leaves its owner. */
  readonly secretKey: Uint8Array;
  /** What the project's owner added; without it the hub alone decides whose code runs. */
  readonly endorsement?: Endorsement;
}

export interface CreateInviteOptions extends Partial<Terms> {
  readonly hubSecretKey: Uint8Array;
  /** The hub's address as the invited will reach it, such as `http://192.168.0.5:7077`. */
  readonly url: string;
  readonly role: Role;
  readonly project: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly label?: string;
  readonly tlsPin?: Uint8Array | null;
  readonly random?: RandomBytes;
}

/**
 * How to run the hub's own version of the program, up to its arguments. A key that only the invite vouches for npm
 * does not trust; curl can be told of it.
 */
export function packageCommand({ url, tlsPin }: Pick<Invite, "url" | "tlsPin">): string {
  if (tlsPin === null) return `npx --yes ${url}/musketeers.tgz`;
  const pin = `--pinnedpubkey 'sha256//${base64pad.baseEncode(tlsPin)}'`;
  return `curl -kf --progress-bar -o musketeers.tgz ${pin} ${url}/musketeers.tgz && npx --yes ./musketeers.tgz`;
}

const baseOf = (url: URL): string => url.origin + url.pathname.replace(/\/+$/, "");

/**
 * Makes an invite.
 * @throws MusketeersError `BAD_ARGUMENT` for an address that is no http URL, or a label that is too long.
 */
export function createInvite(options: CreateInviteOptions): { invite: string; grantId: string } {
  const { random = randomBytes, label = "", role, project, issuedAtMs, expiresAtMs } = options;
  const url = URL.canParse(options.url) ? new URL(options.url) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new MusketeersError("BAD_ARGUMENT", `No http address: ${options.url}`);
  }
  if (label.length > LABEL_CHARACTERS_MAX) {
    throw new MusketeersError("BAD_ARGUMENT", `A label may have up to ${LABEL_CHARACTERS_MAX} characters`);
  }
  const { person = defaultTerms.person, trusted = defaultTerms.trusted, tlsPin = null } = options;
  const { uses = defaultTerms.uses, people = defaultTerms.people } = options;
  if (person.length > PERSON_CHARACTERS_MAX) {
    const message = `The name of a person may have up to ${PERSON_CHARACTERS_MAX} characters`;
    throw new MusketeersError("BAD_ARGUMENT", message);
  }
  const secretKey = newSecretKey(random);
  const id = newId(random, issuedAtMs);
  const publicKey = publicKeyOf(secretKey);
  const terms = { uses, people, person, trusted, tlsPin };
  const fields = { id, role, project, publicKey, issuedAtMs, expiresAtMs, label, ...terms };
  const { grant, signature } = signGrant(fields, options.hubSecretKey);
  const secret = encode([
    GRANT_VERSION,
    id,
    roles.indexOf(role),
    grant.hubKey,
    project,
    secretKey,
    issuedAtMs,
    expiresAtMs,
    label,
    uses,
    people,
    person,
    trusted,
    tlsPin,
    signature,
  ]);
  return { invite: `${baseOf(url)}${JOIN_PATH}#${base64url.baseEncode(secret)}`, grantId: id };
}

const malformed = (message: string, hint?: string): MusketeersError =>
  new MusketeersError("INVITE_MALFORMED", message, hint === undefined ? {} : { hint });

const cutOff = (): MusketeersError =>
  malformed(
    "This invite is cut off",
    "Its end is missing: copy it again up to its last character, and put it in quotes.",
  );

function decodeSecret(text: string): readonly unknown[] {
  const stranger = /[^A-Za-z0-9_-]/.exec(text);
  if (stranger !== null) {
    throw malformed(
      `This invite has ${JSON.stringify(stranger[0])} in its secret part, which does not belong there`,
    );
  }
  let fields: unknown;
  try {
    fields = decode(base64url.baseDecode(text), { allowIndefinite: false, strict: true });
  } catch {
    throw cutOff();
  }
  if (!Array.isArray(fields)) throw malformed("What stands behind # is no invite");
  return fields;
}

/** Removes what mail programs, chats and shells leave around and inside a pasted line. */
const clean = (text: string): string => text.replace(/\s+/g, "").replace(/^["'`<“‘«]+|["'`>”’»]+$/g, "");

function splitInvite(text: string): { url: URL; secret: string; endorsement: string | undefined } {
  const line = clean(text);
  const at = line.indexOf("#");
  const address = at < 0 ? line : line.slice(0, at);
  if (!URL.canParse(address) || !/^https?:\/\//i.test(address)) {
    throw malformed("This is no invite: it does not start with http:// or https://");
  }
  const [secret = "", endorsement] = at < 0 ? [] : line.slice(at + 1).split(ENDORSEMENT_MARK);
  if (secret === "") {
    throw malformed(
      "This invite has no secret part",
      "What stands behind # is missing: copy the whole invite and put it in quotes.",
    );
  }
  return { url: new URL(address), secret, endorsement };
}

/**
 * Reads an invite, tolerating white space and quotes around it.
 * @throws MusketeersError `INVITE_MALFORMED` with a hint at what is wrong with it.
 */
export function parseInvite(text: string): Invite {
  const { url, secret, endorsement } = splitInvite(text);
  const fields = decodeSecret(secret);
  const secretKey = fields[5];
  const signature = fields[GRANT_FIELDS];
  if (
    fields.length !== GRANT_FIELDS + 1 ||
    !(secretKey instanceof Uint8Array) ||
    secretKey.length !== KEY_BYTES
  ) {
    throw cutOff();
  }
  if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) throw cutOff();
  const grant = grantOf([...fields.slice(0, 5), publicKeyOf(secretKey), ...fields.slice(6, GRANT_FIELDS)]);
  if (!isGrantIntact(grant, signature)) {
    throw malformed(
      "This invite was changed: its signature does not fit",
      "A character got lost or altered on the way: copy the whole invite again.",
    );
  }
  const base = baseOf(url).replace(/\/join$/, "");
  return {
    url: base,
    wsUrl: base.replace(/^http/, "ws") + LINK_PATH,
    hubKey: grant.hubKey,
    grant: joinGrant(grant, signature),
    grantId: grant.id,
    role: grant.role,
    project: grant.project,
    label: grant.label,
    expiresAtMs: grant.expiresAtMs,
    tlsPin: grant.tlsPin,
    counted: grant.uses !== null || grant.people !== null,
    secretKey,
    ...(endorsement === undefined ? {} : { endorsement: parseEndorsement(endorsement) }),
  };
}
