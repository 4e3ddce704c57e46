import { expect, test } from "vitest";
import { newSecretKey, openRevocations, publicKeyOf, signRevocations } from "./index.ts";

const root = newSecretKey();
const rootKey = publicKeyOf(root);
const list = { project: "stars", issuedAtMs: 12, serials: ["one", "two"] };

test("only the owner of the project makes a list, for this project", () => {
  const bytes = signRevocations(list, root);
  expect(openRevocations(bytes, rootKey, "stars")).toEqual(list);
  expect(openRevocations(bytes, rootKey, "others")).toBeUndefined();
  expect(openRevocations(signRevocations(list, newSecretKey()), rootKey, "stars")).toBeUndefined();
  expect(openRevocations(bytes.subarray(1), rootKey, "stars")).toBeUndefined();
  const damaged = bytes.slice();
  damaged[3]! ^= 1;
  expect(openRevocations(damaged, rootKey, "stars")).toBeUndefined();
});

test("what is signed but no list of certificates is none", () => {
  for (const wrong of [{ issuedAtMs: -1 }, { serials: [7] }, { serials: ["x".repeat(100)] }]) {
    const bytes = signRevocations({ ...list, ...(wrong as object) }, root);
    expect(openRevocations(bytes, rootKey, "stars")).toBeUndefined();
  }
});
