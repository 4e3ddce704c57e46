import { Fields } from "./fields.ts";
import { parseWorkerDescription, type WorkerDescription } from "./worker.ts";

/** What an invite allows. */
export type Role = "admin" | "submitter" | "worker" | "viewer";
export const roles: readonly Role[] = Object.freeze(["admin", "submitter", "worker", "viewer"] as const);

/** Hub, at once after the socket opens. */
export interface Challenge {
  readonly type: "challenge";
  readonly version: number;
  /** The hub's Ed25519 public key. */
  readonly hubKey: Uint8Array;
  readonly nonce: Uint8Array;
}

/** A lease that a reconnecting worker still holds. */
export interface PresentedLease {
  readonly lease: string;
  /** Results that the hub has not acknowledged start at this position. */
  readonly from: number;
}

/** The peer's answer. It proves the invite's key without sending it. */
export interface Hello {
  readonly type: "hello";
  readonly version: number;
  /** Program and version, for people. */
  readonly agent: string;
  /** The invite's public part: what the hub once signed. */
  readonly grant: Uint8Array;
  readonly nonce: Uint8Array;
  /** Signature by the invite's key; see `security`. */
  readonly proof: Uint8Array;
  /** Public key of the machine itself, whatever its invites; the invite's where it has none of its own. */
  readonly key: Uint8Array;
  /** Signature by that key; see `security`. */
  readonly keyProof: Uint8Array;
  /** Present where the peer is a worker. */
  readonly worker?: WorkerDescription;
  readonly leases: readonly PresentedLease[];
}

/** The hub's last word of the handshake. */
export interface Welcome {
  readonly type: "welcome";
  readonly version: number;
  readonly hub: string;
  /** The hub's signature; proves the key that the invite names. */
  readonly proof: Uint8Array;
  /** Bearer token for `/blobs` and other HTTP, valid while this connection lasts. */
  readonly session: string;
  readonly role: Role;
  readonly heartbeatIntervalMs: number;
  /** Leases of `hello.leases` that the worker is to go on with; it drops the others. */
  readonly adopted: readonly string[];
}

/** Said before closing, by either side. */
export interface Goodbye {
  readonly type: "goodbye";
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const KEY_BYTES_MAX = 64;
const GRANT_BYTES_MAX = 2048;
const LEASES_MAX = 4096;
const LEASE_LENGTH_MAX = 16_384;

export function parseChallenge(fields: Fields): Challenge {
  return {
    type: "challenge",
    version: fields.integer("version"),
    hubKey: fields.bytes("hubKey", KEY_BYTES_MAX),
    nonce: fields.bytes("nonce", KEY_BYTES_MAX),
  };
}

export function parseHello(fields: Fields): Hello {
  return {
    type: "hello",
    version: fields.integer("version"),
    agent: fields.string("agent"),
    grant: fields.bytes("grant", GRANT_BYTES_MAX),
    nonce: fields.bytes("nonce", KEY_BYTES_MAX),
    proof: fields.bytes("proof", KEY_BYTES_MAX),
    key: fields.bytes("key", KEY_BYTES_MAX),
    keyProof: fields.bytes("keyProof", KEY_BYTES_MAX),
    ...(fields.has("worker") ? { worker: parseWorkerDescription(fields.object("worker")) } : {}),
    leases: fields.list("leases", LEASES_MAX).map((item) => {
      const lease = new Fields("hello.leases", item);
      return { lease: lease.string("lease", LEASE_LENGTH_MAX), from: lease.integer("from") };
    }),
  };
}

export function parseWelcome(fields: Fields): Welcome {
  return {
    type: "welcome",
    version: fields.integer("version"),
    hub: fields.string("hub"),
    proof: fields.bytes("proof", KEY_BYTES_MAX),
    session: fields.string("session"),
    role: fields.oneOf("role", roles),
    heartbeatIntervalMs: fields.integer("heartbeatIntervalMs", 3_600_000, 1),
    adopted: fields.strings("adopted", LEASES_MAX, LEASE_LENGTH_MAX),
  };
}

export function parseGoodbye(fields: Fields): Goodbye {
  return {
    type: "goodbye",
    code: fields.string("code", 64),
    message: fields.string("message", 2048),
    hint: fields.string("hint", 2048),
  };
}
