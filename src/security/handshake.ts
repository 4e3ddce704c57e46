import { type Challenge, type Hello, MusketeersError } from "../protocol/index.ts";
import { equalBytes, transcript } from "./bytes.ts";
import { publicKeyOf, sign, verify } from "./ed25519.ts";
import type { Grant } from "./grant.ts";
import type { Invite } from "./invite.ts";

/*
 * Both sides prove their keys over both nonces and the hub's key: a proof of before, or one made for
 * another hub, fits nowhere. Nothing here encrypts: between machines that do not trust their network the
 * hub belongs behind TLS.
 */

const HELLO_DOMAIN = "musketeers hello 1";
const KEY_DOMAIN = "musketeers key 1";
const WELCOME_DOMAIN = "musketeers welcome 1";
/** Shorter nonces could be met again by chance. */
const NONCE_BYTES_MIN = 16;

type Question = Pick<Challenge, "hubKey" | "nonce">;

/**
 * The peer's proof that it holds the invite's key.
 * @throws MusketeersError `HUB_IDENTITY` where the hub does not even claim to be the one of the invite.
 */
export function signHello(
  invite: Pick<Invite, "hubKey" | "grant" | "secretKey">,
  challenge: Question,
  helloNonce: Uint8Array,
): Uint8Array {
  if (!equalBytes(challenge.hubKey, invite.hubKey)) {
    throw new MusketeersError("HUB_IDENTITY", "Another hub than that of the invite answers at its address");
  }
  return sign(
    transcript(HELLO_DOMAIN, challenge.hubKey, challenge.nonce, helloNonce, invite.grant),
    invite.secretKey,
  );
}

/** Whether a hello answers this challenge with the key of its grant, which `openGrant` has checked. */
export function verifyHello(
  grant: Grant,
  challenge: Question,
  hello: Pick<Hello, "grant" | "nonce" | "proof">,
): boolean {
  if (hello.nonce.length < NONCE_BYTES_MIN || !equalBytes(challenge.hubKey, grant.hubKey)) return false;
  const signed = transcript(HELLO_DOMAIN, challenge.hubKey, challenge.nonce, hello.nonce, hello.grant);
  return verify(hello.proof, signed, grant.publicKey);
}

/** A key of which nobody has the secret part, and that signs all the same, as browsers keep them. */
export interface KeySigner {
  readonly publicKey: Uint8Array;
  /** Gives an Ed25519 signature. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** As `signKey`, with a key that is out of reach. */
export async function signKeyWith(
  { publicKey, sign }: KeySigner,
  challenge: Question,
  hello: Pick<Hello, "grant" | "nonce">,
): Promise<Pick<Hello, "key" | "keyProof">> {
  const signed = transcript(KEY_DOMAIN, challenge.hubKey, challenge.nonce, hello.nonce, hello.grant);
  return { key: publicKey, keyProof: await sign(signed) };
}

/** The proof that a peer holds a key of its own besides the invite's: what goes into its hello. */
export function signKey(
  secretKey: Uint8Array,
  challenge: Question,
  hello: Pick<Hello, "grant" | "nonce">,
): Pick<Hello, "key" | "keyProof"> {
  const signed = transcript(KEY_DOMAIN, challenge.hubKey, challenge.nonce, hello.nonce, hello.grant);
  return { key: publicKeyOf(secretKey), keyProof: sign(signed, secretKey) };
}

/** Whether a hello proves the key that it names. */
export function verifyKey(
  challenge: Question,
  hello: Pick<Hello, "grant" | "nonce" | "key" | "keyProof">,
): boolean {
  const signed = transcript(KEY_DOMAIN, challenge.hubKey, challenge.nonce, hello.nonce, hello.grant);
  return verify(hello.keyProof, signed, hello.key);
}

/** The hub's proof that it holds the key of its challenge. */
export function signWelcome(
  hubSecretKey: Uint8Array,
  challenge: Question,
  helloNonce: Uint8Array,
): Uint8Array {
  return sign(transcript(WELCOME_DOMAIN, challenge.hubKey, challenge.nonce, helloNonce), hubSecretKey);
}

/** Whether the hub with this key signed the welcome to this hello. */
export function verifyWelcome(
  hubKey: Uint8Array,
  challenge: Question,
  helloNonce: Uint8Array,
  proof: Uint8Array,
): boolean {
  if (!equalBytes(challenge.hubKey, hubKey)) return false;
  return verify(proof, transcript(WELCOME_DOMAIN, challenge.hubKey, challenge.nonce, helloNonce), hubKey);
}
