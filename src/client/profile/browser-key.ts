import { newSecretKey } from "../../security/index.ts";

/** The part of `localStorage` that is used here. */
interface KeyStore {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
}

const NAME = "musketeers.machineKey";

/** The secret key of this browser, kept with the pages of one address; of each page where nothing can be kept. */
export function browserKey(store?: KeyStore): Uint8Array {
  try {
    const kept = store ?? (globalThis as unknown as { localStorage: KeyStore }).localStorage;
    const known = /^[0-9a-f]{64}$/.exec(kept.getItem(NAME) ?? "")?.[0];
    if (known !== undefined) return Uint8Array.from(known.match(/../g)!, (byte) => Number.parseInt(byte, 16));
    const made = newSecretKey();
    kept.setItem(NAME, Array.from(made, (byte) => byte.toString(16).padStart(2, "0")).join(""));
    return made;
  } catch {
    // Pages without an address of their own may keep nothing.
    return newSecretKey();
  }
}
