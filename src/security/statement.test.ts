import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newSecretKey, openStatement, publicKeyOf, signStatement } from "./index.ts";

const secretKey = newSecretKey();
const publicKey = publicKeyOf(secretKey);
const refused = expect.objectContaining({ code: "UNAUTHORIZED" });

describe("a hub's statement", () => {
  it("comes back as it was signed, and not at all after any change", () => {
    fc.assert(
      fc.property(fc.nat(), fc.uint8Array({ maxLength: 200 }), fc.nat(), (sequence, content, place) => {
        const bytes = signStatement({ about: "this", sequence, content }, secretKey);
        expect(openStatement(bytes, "this", publicKey)).toEqual({ about: "this", sequence, content });
        const changed = bytes.slice();
        changed[place % bytes.length]! ^= 1;
        expect(() => openStatement(changed, "this", publicKey)).toThrow(refused);
        expect(() => openStatement(bytes.subarray(0, place % bytes.length), "this", publicKey)).toThrow(
          refused,
        );
      }),
      { numRuns: 50 },
    );
  });

  it("is nobody else's, and about nothing else", () => {
    const bytes = signStatement({ about: "this", sequence: 1, content: new Uint8Array(3) }, secretKey);
    expect(() => openStatement(bytes, "that", publicKey)).toThrow(refused);
    expect(() => openStatement(bytes, "this", publicKeyOf(newSecretKey()))).toThrow(refused);
  });
});
