import fc from "fast-check";
import { expect, test } from "vitest";
import { memoryEngine } from "../../engine/index.ts";
import { defaultTerms, type Grant, newSecretKey, publicKeyOf, type Terms } from "../../security/index.ts";
import { keyIdOf, Takers } from "./takers.ts";

const limits = { inviteKeysMax: 1_500, personKeptMs: 1_000_000 };
const NOW_MS = 5_000;

const grantOf = (id: string, terms: Partial<Terms> = {}): Grant => ({
  version: 2,
  id,
  role: "worker",
  hubKey: new Uint8Array(32),
  project: "default",
  publicKey: new Uint8Array(32).fill(255),
  issuedAtMs: 0,
  expiresAtMs: 100_000,
  label: "",
  tlsPin: null,
  ...defaultTerms,
  ...terms,
});

const key = (number: number): Uint8Array => {
  const bytes = new Uint8Array(32);
  new DataView(bytes.buffer).setUint32(0, number);
  return bytes;
};
const idOf = (number: number) => keyIdOf(key(number));

const open = (registry = memoryEngine().registry) => Takers.open(registry, limits, () => NOW_MS);

test("an invite stands for one person, however many machines come with it, the invite's own key among them", async () => {
  const takers = await open();
  const grant = grantOf("a");
  expect([1, 2, 3].map((number) => takers.takeUp(grant, key(number)))).toEqual(["a", "a", "a"]);
  expect(takers.takeUp(grant, grant.publicKey)).toBe("a");
  expect(takers.usesOf("a")).toBe(4);
  expect(takers.takeUp(grantOf("b"), key(4))).toBe("b");
});

test("invites of one person, by name or by machine, are one person's", async () => {
  const takers = await open();
  expect(takers.takeUp(grantOf("a", { person: "ana" }), key(1))).toBe("ana");
  expect(takers.takeUp(grantOf("b", { person: "ana" }), key(2))).toBe("ana");
  // The machine is known: whoever it belongs to has got another invite.
  expect(takers.takeUp(grantOf("c"), key(1))).toBe("ana");
  expect(takers.takeUp(grantOf("c"), key(3))).toBe("ana");
});

test("a poster makes each key a person of its own, and no more of them than it says", async () => {
  const takers = await open();
  takers.takeUp(grantOf("a", { person: "ana" }), key(1));
  const poster = grantOf("p", { people: 3 });
  expect([1, 2, 3, 2].map((number) => takers.takeUp(poster, key(number)))).toEqual([
    "ana",
    idOf(2),
    idOf(3),
    idOf(2),
  ]);
  expect(() => takers.takeUp(poster, key(4))).toThrow(expect.objectContaining({ code: "INVITE_USED_UP" }));
});

test("a used-up invite lets in those who have it, and nobody else; who has no key cannot be counted", async () => {
  const takers = await open();
  const grant = grantOf("a", { uses: 2 });
  expect(() => takers.takeUp(grant, grant.publicKey)).toThrow(
    expect.objectContaining({ code: "UNAUTHORIZED", hint: expect.stringContaining("number of times") }),
  );
  for (const number of [1, 2, 1]) takers.takeUp(grant, key(number));
  expect(() => takers.takeUp(grant, key(3))).toThrow(
    expect.objectContaining({ code: "INVITE_USED_UP", message: expect.stringContaining("2 times") }),
  );
  expect(takers.takeUp(grant, key(2))).toBe("a");
});

test("inviteKeysMax: of more machines than that the person is known, but not each of them", async () => {
  const takers = await open();
  const grant = grantOf("a");
  for (let number = 0; number < limits.inviteKeysMax + 5; number++) takers.takeUp(grant, key(number));
  expect(takers.usesOf("a")).toBe(limits.inviteKeysMax);
  expect(takers.takeUp(grant, key(limits.inviteKeysMax + 9))).toBe("a");
});

test("personKeptMs: all of it is known after a restart, until the invite has been over for so long", async () => {
  let nowMs = NOW_MS;
  const { registry } = memoryEngine({ nowMs: () => nowMs });
  const takers = await open(registry);
  const poster = grantOf("p", { people: 1_200 });
  for (let number = 0; number < 1_200; number++) takers.takeUp(poster, key(number));
  takers.takeUp(grantOf("a"), key(5_000));
  takers.takeUp(grantOf("own"), key(5_001), false);
  await takers.stored();
  const again = await open(registry);
  expect([again.usesOf("p"), again.usesOf("a"), again.usesOf("own")]).toEqual([1_200, 1, 0]);
  expect(() => again.takeUp(poster, key(1_201))).toThrow(expect.objectContaining({ code: "INVITE_USED_UP" }));
  expect(again.takeUp(grantOf("b"), key(5_000))).toBe("a");
  nowMs = 100_000 + limits.personKeptMs;
  expect((await open(registry)).usesOf("p")).toBe(0);
});

test("whatever comes in whatever order, nobody is two people with one invite or gets in too often", async () => {
  const invite = fc.record({
    id: fc.constantFrom("a", "b", "c", "d"),
    number: fc.nat(5),
  });
  const terms: Readonly<Record<string, Partial<Terms>>> = {
    a: {},
    b: { uses: 2 },
    c: { people: 3 },
    d: { person: "dora", uses: 4 },
  };
  await fc.assert(
    fc.asyncProperty(fc.array(invite, { maxLength: 40 }), async (comers) => {
      const takers = await open();
      const persons = new Map<string, Map<number, string>>();
      for (const { id, number } of comers) {
        const known = persons.get(id) ?? new Map<number, string>();
        persons.set(id, known);
        let person: string;
        try {
          person = takers.takeUp(grantOf(id, terms[id]), key(number));
        } catch {
          const most = terms[id]!.uses ?? terms[id]!.people ?? 0;
          expect([known.size, known.has(number)]).toEqual([most, false]);
          continue;
        }
        expect(person).toBe(known.get(number) ?? person);
        known.set(number, person);
      }
      for (const [id, known] of persons) {
        expect(takers.usesOf(id)).toBe(known.size);
        if (terms[id]!.people === undefined) expect(new Set(known.values()).size).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test("a key's text tells it from every other", () => {
  expect(keyIdOf(publicKeyOf(newSecretKey()))).toMatch(/^[\w-]{43}$/);
});
