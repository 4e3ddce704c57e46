import fc from "fast-check";
import { expect, test } from "vitest";
import { type Ed25519, nativeEd25519, portableEd25519 } from "./ed25519.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const implementations: [string, Ed25519][] = [
  ["native", nativeEd25519()!],
  ["portable", portableEd25519],
];

test.each(implementations)("%s: the second test vector of RFC 8032", (_name, ed25519) => {
  const secretKey = hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const publicKey = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const signature = hex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  );
  expect(ed25519.publicKeyOf(secretKey)).toEqual(publicKey);
  expect(ed25519.sign(hex("72"), secretKey)).toEqual(signature);
  expect(ed25519.verify(signature, hex("72"), publicKey)).toBe(true);
  expect(ed25519.verify(signature, hex("73"), publicKey)).toBe(false);
});

test("both do the same", () => {
  const [[, native], [, portable]] = implementations as [[string, Ed25519], [string, Ed25519]];
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array(),
      fc.nat(64 * 8 - 1),
      (secretKey, message, bit) => {
        const publicKey = native.publicKeyOf(secretKey);
        const signature = native.sign(message, secretKey);
        expect(portable.publicKeyOf(secretKey)).toEqual(publicKey);
        expect(portable.sign(message, secretKey)).toEqual(signature);
        const damaged = signature.slice();
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        for (const each of [native, portable]) {
          expect(each.verify(signature, message, publicKey)).toBe(true);
          expect(each.verify(damaged, message, publicKey)).toBe(false);
        }
      },
    ),
    { numRuns: 30 },
  );
});

test.each(implementations)("%s: nonsense is no signature, and no crash", (_name, ed25519) => {
  const publicKey = ed25519.publicKeyOf(new Uint8Array(32).fill(1));
  const message = new Uint8Array(3);
  const signature = ed25519.sign(message, new Uint8Array(32).fill(1));
  expect(ed25519.verify(new Uint8Array(0), message, publicKey)).toBe(false);
  expect(ed25519.verify(signature.subarray(1), message, publicKey)).toBe(false);
  expect(ed25519.verify(signature, message, new Uint8Array(0))).toBe(false);
  expect(ed25519.verify(signature, message, new Uint8Array(32).fill(255))).toBe(false);
});
