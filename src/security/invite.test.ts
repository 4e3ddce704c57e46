import { encode } from "cborg";
import fc from "fast-check";
import { expect, test } from "vitest";
import { roles } from "../protocol/index.ts";
import { newSecretKey, publicKeyOf, sign } from "./ed25519.ts";
import { openGrant } from "./grant.ts";
import { createInvite, parseInvite } from "./invite.ts";

const hubSecretKey = newSecretKey();
const hubKey = publicKeyOf(hubSecretKey);
const issuedAtMs = 1_700_000_000_000;
const expiresAtMs = issuedAtMs + 1000;
const options = {
  hubSecretKey,
  url: "http://192.168.0.5:7077",
  role: "worker",
  project: "default",
  issuedAtMs,
  expiresAtMs,
} as const;
const { invite: text, grantId } = createInvite(options);

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test("an invite is one short URL that gives back what was put in", () => {
  expect(text).toMatch(/^http:\/\/192\.168\.0\.5:7077\/join#[\w-]+$/);
  expect(text.length).toBeLessThan(300);
  const invite = parseInvite(text);
  expect(invite).toMatchObject({
    url: "http://192.168.0.5:7077",
    wsUrl: "ws://192.168.0.5:7077/link",
    hubKey,
    grantId,
    role: "worker",
    project: "default",
    label: "",
    expiresAtMs,
  });
  expect(openGrant(invite.grant, hubKey, issuedAtMs)).toEqual({
    version: 2,
    id: grantId,
    role: "worker",
    hubKey,
    project: "default",
    publicKey: publicKeyOf(invite.secretKey),
    issuedAtMs,
    expiresAtMs,
    label: "",
    uses: null,
    people: null,
    person: "",
    trusted: false,
    tlsPin: null,
  });
});

test("any role, project, label, time and address survives", () => {
  fc.assert(
    fc.property(
      fc.record({
        role: fc.constantFrom(...roles),
        project: fc.string({ maxLength: 60, unit: "grapheme" }),
        label: fc.string({ maxLength: 60, unit: "grapheme" }),
        expiresAtMs: fc.maxSafeNat(),
        uses: fc.option(fc.integer({ min: 1 })),
        people: fc.option(fc.integer({ min: 1 })),
        person: fc.string({ maxLength: 20 }),
        trusted: fc.boolean(),
        tlsPin: fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 })),
      }),
      fc.constantFrom("http://h:1", "https://example.org", "https://example.org/hub/", "http://[::1]:7077/"),
      (fields, url) => {
        const invite = parseInvite(createInvite({ ...options, ...fields, url }).invite);
        const base = url.replace(/\/$/, "");
        const { uses, people, person, trusted, ...shown } = fields;
        expect(invite).toMatchObject({ ...shown, url: base, wsUrl: `${base.replace("http", "ws")}/link` });
        expect(openGrant(invite.grant, hubKey, 0 - 1)).toMatchObject(fields);
      },
    ),
    { numRuns: 50 },
  );
});

test("two invites never share a key or an id", () => {
  const [one, other] = [parseInvite(createInvite(options).invite), parseInvite(createInvite(options).invite)];
  expect(one.secretKey).not.toEqual(other.secretKey);
  expect(one.grantId).not.toBe(other.grantId);
});

test("what shells, chats and mails put around and into a line does not hurt", () => {
  const whole = parseInvite(text);
  const middle = Math.floor(text.length / 2);
  for (const pasted of [
    `  ${text}\n`,
    `'${text}'`,
    `"${text}"`,
    `\`${text}\``,
    `<${text}>`,
    `“${text}”`,
    `"${text}" \n`,
    `${text.slice(0, middle)}\n    ${text.slice(middle)}`,
  ]) {
    expect(parseInvite(pasted)).toEqual(whole);
  }
});

test("what is wrong with an invite is said", () => {
  const wrong: [string, RegExp][] = [
    ["", /does not start with http/],
    ["7077", /does not start with http/],
    [text.replace("http:", "ftp:"), /does not start with http/],
    [text.slice(0, text.indexOf("#")), /no secret part/],
    [text.slice(0, text.indexOf("#") + 1), /no secret part/],
    [text.slice(0, -10), /cut off/],
    [text.slice(0, text.indexOf("#") + 5), /cut off/],
    [`${text}%`, /"%" in its secret part/],
    [`${text.slice(0, text.indexOf("#"))}#hello`, /cut off|no invite/],
    [text.replace(/.{4}$/, (end) => (end === "AAAA" ? "BBBB" : "AAAA")), /signature does not fit/],
  ];
  for (const [each, message] of wrong) {
    expect(() => parseInvite(each), each).toThrow(
      expect.objectContaining({
        code: "INVITE_MALFORMED",
        message: expect.stringMatching(message),
        hint: expect.stringMatching(/\w/),
      }),
    );
  }
});

test("an invite of another version says which is understood", () => {
  const secret = Buffer.from(text.slice(text.indexOf("#") + 1), "base64url");
  secret[1] = 3;
  const later = `${text.slice(0, text.indexOf("#") + 1)}${secret.toString("base64url")}`;
  expect(() => parseInvite(later)).toThrow(
    expect.objectContaining({ code: "INVITE_MALFORMED", hint: expect.stringContaining("version 2") }),
  );
});

test("an invite of which any character was changed, lost or added is malformed", () => {
  const start = text.indexOf("#") + 1;
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (let at = start; at < text.length; at++) {
    const other = alphabet[(alphabet.indexOf(text[at]!) + 17) % 64]!;
    const changed = text.slice(0, at) + other + text.slice(at + 1);
    expect(
      codeOf(() => parseInvite(changed)),
      changed,
    ).toBe("INVITE_MALFORMED");
    expect(codeOf(() => parseInvite(text.slice(0, at) + text.slice(at + 1)))).toBe("INVITE_MALFORMED");
    expect(codeOf(() => parseInvite(text.slice(0, at) + other + text.slice(at)))).toBe("INVITE_MALFORMED");
  }
});

test("nothing that is pasted makes it crash", () => {
  const garbage = fc.oneof(
    fc.string(),
    fc.string().map((secret) => `http://h/join#${secret}`),
    fc.uint8Array().map((bytes) => `http://h/join#${Buffer.from(bytes).toString("base64url")}`),
    fc.jsonValue().map((value) => `http://h/join#${Buffer.from(encode(value)).toString("base64url")}`),
  );
  fc.assert(
    fc.property(garbage, (pasted) => {
      expect(codeOf(() => parseInvite(pasted))).toBe("INVITE_MALFORMED");
    }),
  );
});

test("an address that is none, and a label that is too long, are refused", () => {
  for (const url of ["192.168.0.5:7077", "ws://h", ""]) {
    expect(codeOf(() => createInvite({ ...options, url }))).toBe("BAD_ARGUMENT");
  }
  expect(codeOf(() => createInvite({ ...options, label: "x".repeat(201) }))).toBe("BAD_ARGUMENT");
});

test("whom it is for cannot be nobody, or a name too long", () => {
  for (const terms of [{ uses: 0 }, { people: 0 }, { uses: 1.5 }]) {
    expect(codeOf(() => parseInvite(createInvite({ ...options, ...terms }).invite))).toBe("INVITE_MALFORMED");
  }
  expect(codeOf(() => createInvite({ ...options, person: "x".repeat(65) }))).toBe("BAD_ARGUMENT");
});

test("a grant ends when it says", () => {
  const { grant } = parseInvite(text);
  expect(openGrant(grant, hubKey, expiresAtMs - 1).id).toBe(grantId);
  expect(codeOf(() => openGrant(grant, hubKey, expiresAtMs))).toBe("INVITE_EXPIRED");
});

test("another hub's grant is refused", () => {
  const { grant } = parseInvite(text);
  expect(codeOf(() => openGrant(grant, publicKeyOf(newSecretKey()), issuedAtMs))).toBe("UNAUTHORIZED");
});

test("a grant that somebody else wrote in the hub's name is refused", () => {
  const fields = [2, "id", 0, hubKey, "default", publicKeyOf(newSecretKey()), issuedAtMs, expiresAtMs, ""];
  fields.push(...([null, null, "", false, null] as never[]));
  const payload = encode(fields);
  for (const key of [newSecretKey(), hubSecretKey]) {
    // Also the hub's own signature is worth nothing where it was not made for a grant.
    const forged = new Uint8Array([...payload, ...sign(payload, key)]);
    expect(codeOf(() => openGrant(forged, hubKey, issuedAtMs))).toBe("UNAUTHORIZED");
  }
});

test("a grant with an altered role, expiry or any other bit is refused", () => {
  const { grant } = parseInvite(text);
  for (let bit = 0; bit < grant.length * 8; bit++) {
    const altered = grant.slice();
    altered[bit >> 3]! ^= 1 << (bit & 7);
    const code = codeOf(() => openGrant(altered, hubKey, issuedAtMs));
    expect(["UNAUTHORIZED", "INVITE_MALFORMED"], `bit ${bit}`).toContain(code);
  }
  for (let length = 0; length < grant.length; length++) {
    const code = codeOf(() => openGrant(grant.slice(0, length), hubKey, issuedAtMs));
    expect(["UNAUTHORIZED", "INVITE_MALFORMED"]).toContain(code);
  }
});
