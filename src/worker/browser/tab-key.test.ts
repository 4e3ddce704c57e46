import { expect, test, vi } from "vitest";
import { verify } from "../../security/index.ts";
import { tabKey } from "./tab-key.ts";

function fakeStore() {
  const kept = new Map<string, unknown>();
  return {
    kept,
    get: async (key: string) => kept.get(key),
    set: async (key: string, value: unknown) => void kept.set(key, value),
  };
}

test("the key of a browser cannot be read, signs as others do, and stays the same", async () => {
  const store = fakeStore();
  const key = await tabKey(store);
  if (key instanceof Uint8Array) throw new Error("this runtime has no Ed25519 of its own");
  const pair = store.kept.get("machineKey") as { privateKey: { extractable: boolean } };
  expect(pair.privateKey.extractable).toBe(false);
  const message = Uint8Array.of(1, 2, 3);
  expect(verify(await key.sign(message), message, key.publicKey)).toBe(true);
  const again = await tabKey(store);
  expect(again).toMatchObject({ publicKey: key.publicKey });
});

test("without crypto.subtle its bytes are kept", async () => {
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  try {
    const store = fakeStore();
    const key = await tabKey(store);
    expect(key).toBeInstanceOf(Uint8Array);
    expect(await tabKey(store)).toEqual(key);
  } finally {
    vi.unstubAllGlobals();
  }
});
