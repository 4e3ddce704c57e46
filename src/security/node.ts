import { chmod, link, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { MusketeersError } from "../protocol/index.ts";
import { newSecretKey } from "./ed25519.ts";
import { newId } from "./id.ts";
import { type RandomBytes, randomBytes } from "./random.ts";

/** What needs Node: keys in files, and what a release of the program consists of. */
export { packageDigest, packageRoot, packedFiles } from "./package-contents.ts";

const KEY_FILE_MODE = 0o600;
const noLinks: readonly string[] = ["EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"];

function parseKey(path: string, text: string): Uint8Array {
  const hex = text.trim();
  if (!/^[0-9a-f]{64}$/.test(hex)) {
    throw new MusketeersError("STORAGE", `This file holds no key: ${path}`, {
      hint: "Restore it from a copy. Without it every invite of this hub is void; delete it only if you accept that.",
    });
  }
  return new Uint8Array(Buffer.from(hex, "hex"));
}

async function readKey(path: string): Promise<Uint8Array | undefined> {
  try {
    const key = parseKey(path, await readFile(path, "utf8"));
    await chmod(path, KEY_FILE_MODE);
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes the whole file under another name first: one that is there is complete. */
async function createFile(path: string, text: string, random: RandomBytes): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${newId(random)}.tmp`;
  try {
    const file = await open(draft, "wx", KEY_FILE_MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path).catch(async (error) => {
      // Where there are no hard links (FAT on a memory card), two that come at once may differ.
      if (!noLinks.includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
      await rename(draft, path);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * The 32-byte secret key of a file with mode 0600, which is made where there is none. Of several callers
 * at once all get the same key.
 * @throws MusketeersError `STORAGE` where the file holds something else or cannot be read or written.
 */
export async function loadOrCreateKey(path: string, random: RandomBytes = randomBytes): Promise<Uint8Array> {
  return loadOr(path, () => newSecretKey(random), random);
}

async function loadOr(path: string, make: () => Uint8Array, random: RandomBytes): Promise<Uint8Array> {
  try {
    const found = await readKey(path);
    if (found !== undefined) return found;
    await createFile(path, `${Buffer.from(make()).toString("hex")}\n`, random);
    const made = await readKey(path);
    if (made !== undefined) return made;
  } catch (cause) {
    if (cause instanceof MusketeersError) throw cause;
    throw new MusketeersError("STORAGE", `No key at ${path}: ${(cause as Error).message}`, { cause });
  }
  throw new MusketeersError("STORAGE", `No key at ${path}: it vanished while it was read`);
}

/**
 * The text of a file with mode 0600, which is made where there is none. Of several callers at once all get the same.
 * @throws MusketeersError `STORAGE`
 */
export async function loadOrCreateText(path: string, make: () => Promise<string>): Promise<string> {
  const read = async (): Promise<string | undefined> => {
    try {
      const text = await readFile(path, "utf8");
      await chmod(path, KEY_FILE_MODE);
      return text;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  };
  try {
    const found = await read();
    if (found !== undefined) return found;
    await createFile(path, await make(), randomBytes);
    return await readFile(path, "utf8");
  } catch (cause) {
    if (cause instanceof MusketeersError) throw cause;
    throw new MusketeersError("STORAGE", `No file at ${path}: ${(cause as Error).message}`, { cause });
  }
}

/**
 * The secret key of a file, which stays as it is.
 * @throws MusketeersError `NOT_FOUND` where there is no such file, `STORAGE`
 */
export async function loadKey(path: string): Promise<Uint8Array> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") {
      throw new MusketeersError("NOT_FOUND", `There is no key at ${path}`, {
        hint: "Is this the data directory of a hub? Name it with --data.",
      });
    }
    throw new MusketeersError("STORAGE", `No key at ${path}: ${(cause as Error).message}`, { cause });
  }
  return parseKey(path, text);
}

/**
 * Puts a secret key into a file that is not there yet.
 * @throws MusketeersError `BAD_ARGUMENT` where there is another key, `STORAGE`
 */
export async function installKey(
  path: string,
  secretKey: Uint8Array,
  hint = "That directory belongs to another hub; choose an empty one with --data.",
): Promise<void> {
  const installed = await loadOr(path, () => secretKey, randomBytes);
  if (Buffer.compare(installed, secretKey) === 0) return;
  throw new MusketeersError("BAD_ARGUMENT", `There is another key at ${path}`, { hint });
}
