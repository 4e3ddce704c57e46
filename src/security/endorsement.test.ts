import fc from "fast-check";
import { expect, test } from "vitest";
import { newSecretKey, publicKeyOf } from "./ed25519.ts";
import { ASKED_IMAGES_MAX, type Endorsement, endorseInvite, parseEndorsement } from "./endorsement.ts";
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
const image = `lab/tables@sha256:${"a".repeat(64)}`;
const signer = { certificate: new Uint8Array([1, 2, 3]), secretKey: newSecretKey() };

test.each<Endorsement>([
  { projectKey, asks },
  { projectKey, asks, signer },
  { projectKey, asks: { ...asks, images: [image, image.replace("lab", "other")] }, signer },
  { projectKey, asks: { net: [], memoryBytes: 0, images: [image] } },
])("an invite carries what the project's owner adds", (endorsement) => {
  const invite = endorseInvite(made, endorsement);
  expect(parseInvite(invite).endorsement).toEqual(endorsement);
  expect(parseInvite(invite)).toMatchObject(parseInvite(made));
});

test("images that are not pinned, and too many of them, are refused", () => {
  for (const images of [["lab/tables"], ["*"], Array.from({ length: ASKED_IMAGES_MAX + 1 }, () => image)])
    expect(() => parseInvite(endorseInvite(made, { projectKey, asks: { ...asks, images } }))).toThrow(
      /damaged/,
    );
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
