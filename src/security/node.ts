import { chmod, link, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { MusketeersError } from "../protocol/index.ts";
import { newSecretKey } from "./ed25519.ts";
import { newId } from "./id.ts";
import { type RandomBytes, randomBytes } from "./random.ts";

/** What needs Node: keys in files. */

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

/** Writes the whole key under another name first: a file that is there is complete. */
async function createKey(path: string, random: RandomBytes): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${newId(random)}.tmp`;
  try {
    const file = await open(draft, "wx", KEY_FILE_MODE);
    try {
      await file.writeFile(`${Buffer.from(newSecretKey(random)).toString("hex")}\n`);
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
  try {
    const found = await readKey(path);
    if (found !== undefined) return found;
    await createKey(path, random);
    const made = await readKey(path);
    if (made !== undefined) return made;
  } catch (cause) {
    if (cause instanceof MusketeersError) throw cause;
    throw new MusketeersError("STORAGE", `No key at ${path}: ${(cause as Error).message}`, { cause });
  }
  throw new MusketeersError("STORAGE", `No key at ${path}: it vanished while it was read`);
}
