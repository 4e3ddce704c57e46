import fc from "fast-check";
import { expect, test } from "vitest";
import { newSecretKey, publicKeyOf } from "./ed25519.ts";
import { type Endorsement, endorseInvite, parseEndorsement } from "./endorsement.ts";
import { createInvite, parseInvite } from "./invite.ts";

const projectKey = publicKeyOf(newSecretKey());
const { invite: made } = createInvite({
  hubSecretKey: newSecretKey(),
  url: "http://192.168.0.5:7077",
  role: "submitter",
  project: "default",
  issuedAtMs: 1_700_000_000_000,
  expiresAtMs: 1_700_000_001_000,
});
const asks = { net: ["api.example.org"], memoryBytes: 1_000_000 };
const signer = { certificate: new Uint8Array([1, 2, 3]), secretKey: newSecretKey() };

test.each<Endorsement>([
  { projectKey, asks },
  { projectKey, asks, signer },
])("an invite carries what the project's owner adds", (endorsement) => {
  const invite = endorseInvite(made, endorsement);
  expect(parseInvite(invite).endorsement).toEqual(endorsement);
  expect(parseInvite(invite)).toMatchObject(parseInvite(made));
});

test("an invite without it says so", () => {
  expect(parseInvite(made)).not.toHaveProperty("endorsement");
});

test("a later endorsement replaces an earlier one", () => {
  const first = endorseInvite(made, { projectKey, asks, signer });
  const second = endorseInvite(first, { projectKey, asks });
  expect(second).toBe(endorseInvite(made, { projectKey, asks }));
});

test("a cut or altered one is refused", () => {
  const invite = endorseInvite(made, { projectKey, asks, signer });
  const from = invite.indexOf(".", invite.indexOf("#")) + 1;
  fc.assert(
    fc.property(
      fc.integer({ min: from, max: invite.length - 1 }),
      fc.constantFrom("A", "_", "7"),
      (at, other) => {
        expect(() => parseInvite(invite.slice(0, at))).toThrow(/end of this invite is damaged/);
        const altered = invite.slice(0, at) + other + invite.slice(at + 1);
        if (altered !== invite) expect(() => parseInvite(altered)).toThrow(/damaged/);
      },
    ),
  );
});

test("other bytes are none", () => {
  fc.assert(
    fc.property(fc.base64String(), (text) => {
      expect(() => parseEndorsement(text)).toThrow(/damaged/);
    }),
  );
});
