import fc from "fast-check";
import { expect, test } from "vitest";
import { newSecretKey, publicKeyOf } from "./ed25519.ts";
import { openGrant } from "./grant.ts";
import { signHello, signKey, signWelcome, verifyHello, verifyKey, verifyWelcome } from "./handshake.ts";
import { createInvite, parseInvite } from "./invite.ts";
import { randomBytes } from "./random.ts";

const hubSecretKey = newSecretKey();
const hubKey = publicKeyOf(hubSecretKey);
const inviteOf = (secretKey: Uint8Array, role: "worker" | "admin" = "worker") =>
  parseInvite(
    createInvite({
      hubSecretKey: secretKey,
      url: "http://127.0.0.1:7077",
      role,
      project: "default",
      issuedAtMs: 0,
      expiresAtMs: 1000,
    }).invite,
  );
const invite = inviteOf(hubSecretKey);
const grant = openGrant(invite.grant, hubKey, 0);
const challenge = { hubKey, nonce: randomBytes(16) };
const nonce = randomBytes(16);
const hello = { grant: invite.grant, nonce, proof: signHello(invite, challenge, nonce) };
const welcome = signWelcome(hubSecretKey, challenge, nonce);

const flip = (bytes: Uint8Array, bit: number): Uint8Array => {
  const flipped = bytes.slice();
  flipped[bit >> 3]! ^= 1 << (bit & 7);
  return flipped;
};

test("both sides prove their keys", () => {
  expect(verifyHello(grant, challenge, hello)).toBe(true);
  expect(verifyWelcome(hubKey, challenge, nonce, welcome)).toBe(true);
});

test("a proof of before is worth nothing for another challenge or another hello", () => {
  const later = { hubKey, nonce: randomBytes(16) };
  expect(verifyHello(grant, later, hello)).toBe(false);
  expect(verifyHello(grant, challenge, { ...hello, nonce: randomBytes(16) })).toBe(false);
  expect(verifyWelcome(hubKey, later, nonce, welcome)).toBe(false);
  expect(verifyWelcome(hubKey, challenge, randomBytes(16), welcome)).toBe(false);
});

test("a machine proves its own key for one hello", () => {
  const machineKey = newSecretKey();
  const keyed = { ...hello, ...signKey(machineKey, challenge, hello) };
  expect(keyed.key).toEqual(publicKeyOf(machineKey));
  expect(verifyKey(challenge, keyed)).toBe(true);
  expect(verifyKey({ hubKey, nonce: randomBytes(16) }, keyed)).toBe(false);
  expect(verifyKey(challenge, { ...keyed, nonce: randomBytes(16) })).toBe(false);
  expect(verifyKey(challenge, { ...keyed, grant: inviteOf(hubSecretKey).grant })).toBe(false);
  expect(verifyKey(challenge, { ...keyed, key: publicKeyOf(newSecretKey()) })).toBe(false);
  // What proves the invite's key proves no machine's.
  expect(verifyKey(challenge, { ...hello, key: grant.publicKey, keyProof: hello.proof })).toBe(false);
});

test("nonces cannot trade bytes", () => {
  const joined = new Uint8Array([...challenge.nonce, ...nonce]);
  const shifted = { hubKey, nonce: joined.slice(0, 15) };
  expect(verifyHello(grant, shifted, { ...hello, nonce: joined.slice(15) })).toBe(false);
  expect(verifyWelcome(hubKey, shifted, joined.slice(15), welcome)).toBe(false);
});

test("a peer proves nothing to another hub than its invite's", () => {
  const strangerKey = newSecretKey();
  const stranger = { hubKey: publicKeyOf(strangerKey), nonce: challenge.nonce };
  expect(() => signHello(invite, stranger, nonce)).toThrow(expect.objectContaining({ code: "HUB_IDENTITY" }));
  expect(verifyHello(grant, stranger, hello)).toBe(false);
  const fake = signWelcome(strangerKey, stranger, nonce);
  expect(verifyWelcome(hubKey, stranger, nonce, fake)).toBe(false);
  expect(verifyWelcome(hubKey, challenge, nonce, signWelcome(strangerKey, challenge, nonce))).toBe(false);
});

test("another invite's grant cannot be shown with this invite's key", () => {
  const admin = inviteOf(hubSecretKey, "admin");
  const adminGrant = openGrant(admin.grant, hubKey, 0);
  const proof = signHello({ ...invite, grant: admin.grant }, challenge, nonce);
  expect(verifyHello(adminGrant, challenge, { grant: admin.grant, nonce, proof })).toBe(false);
  expect(verifyHello(adminGrant, challenge, hello)).toBe(false);
});

test("a proof made for one side is worth nothing for the other", () => {
  const self = { hubKey, grant: invite.grant, secretKey: hubSecretKey };
  expect(verifyWelcome(hubKey, challenge, nonce, signHello(self, challenge, nonce))).toBe(false);
});

test("a short nonce of a peer's is refused", () => {
  const short = randomBytes(8);
  const proof = signHello(invite, challenge, short);
  expect(verifyHello(grant, challenge, { grant: invite.grant, nonce: short, proof })).toBe(false);
});

test("any flipped bit, anywhere, spoils a proof", () => {
  const bit = (bytes: Uint8Array) => fc.nat(bytes.length * 8 - 1);
  fc.assert(
    fc.property(
      bit(hello.proof),
      bit(challenge.nonce),
      bit(nonce),
      bit(hubKey),
      bit(invite.grant),
      (inProof, inChallenge, inNonce, inKey, inGrant) => {
        const otherChallenge = { hubKey, nonce: flip(challenge.nonce, inChallenge) };
        const otherKey = { hubKey: flip(hubKey, inKey), nonce: challenge.nonce };
        expect(verifyHello(grant, challenge, { ...hello, proof: flip(hello.proof, inProof) })).toBe(false);
        expect(verifyHello(grant, challenge, { ...hello, nonce: flip(nonce, inNonce) })).toBe(false);
        expect(verifyHello(grant, challenge, { ...hello, grant: flip(invite.grant, inGrant) })).toBe(false);
        expect(verifyHello(grant, otherChallenge, hello)).toBe(false);
        expect(verifyHello(grant, otherKey, hello)).toBe(false);
        expect(verifyWelcome(hubKey, challenge, nonce, flip(welcome, inProof))).toBe(false);
        expect(verifyWelcome(hubKey, otherChallenge, nonce, welcome)).toBe(false);
        expect(verifyWelcome(hubKey, challenge, flip(nonce, inNonce), welcome)).toBe(false);
        expect(verifyWelcome(otherKey.hubKey, otherKey, nonce, welcome)).toBe(false);
      },
    ),
  );
});
