import { closeSync, fstatSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { MusketeersError } from "../../protocol/index.ts";

/*
 * The second line of defence behind the lock, for where that does not reach: other machines that share the
 * directory, say. Whoever opens a directory replaces the file `owner`; whoever had it before finds before
 * its next write that its own is gone, and writes no more.
 */

export interface Claim {
  /** @throws MusketeersError `DATA_IN_USE` once another process has claimed the directory, or it is gone. */
  readonly guard: () => void;
  release(): void;
}

const OWNER_NAME = "owner";
const FILE_MODE = 0o600;

const nobody: Claim = { guard: () => {}, release: () => {} };

function ownerOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "somebody unknown";
  }
}

/**
 * Claims a directory for this process.
 * @throws a system error where the file cannot be made.
 */
export function claimDirectory(directory: string, platform = process.platform): Claim {
  // There nobody can replace a file that is open, and the lock reaches as far as it has to.
  if (platform === "win32") return nobody;
  const path = join(directory, OWNER_NAME);
  const draft = `${path}.tmp`;
  const fd = openSync(draft, "w", FILE_MODE);
  try {
    writeSync(fd, `process ${process.pid} on ${hostname()}, since ${new Date().toISOString()}\n`);
  } catch {
    // On a full disk the name alone will do.
  }
  renameSync(draft, path);
  let isReleased = false;
  const release = () => {
    isReleased = true;
    closeSync(fd);
  };
  // A file system that does not count names cannot say that one is gone.
  if (fstatSync(fd).nlink !== 1) return { guard: () => {}, release };
  return {
    guard: () => {
      if (isReleased || fstatSync(fd).nlink > 0) return;
      throw new MusketeersError(
        "DATA_IN_USE",
        `${directory} is not this hub's any more: it was removed, or taken over by ${ownerOf(path)}`,
        { hint: "Only one hub may use a data directory. This one stores nothing more." },
      );
    },
    release,
  };
}
