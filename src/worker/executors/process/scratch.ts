import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/*
 * Temporary directories of workers and demos. They are named after the machine and the process that uses them, so that
 * what a killed process left behind can be told from what is in use.
 */

/** Containers that share a directory for temporary files have names of their own. */
const machine = hostname()
  .replace(/[^a-z0-9]/gi, "")
  .slice(0, 24);
const pattern = new RegExp(`^musketeers-(?:worker|demo)-${machine}-(\\d+)-`);

function removeNow(directory: string): void {
  const options = { recursive: true, force: true, maxRetries: 10 } as const;
  try {
    rmSync(directory, options);
  } catch {
    try {
      // A task may have shut its owner out.
      openFolders(directory);
      rmSync(directory, options);
    } catch {
      // In use (Windows), or somebody else's; the next worker tries again.
    }
  }
}

function openFolders(directory: string): void {
  chmodSync(directory, 0o700);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) openFolders(join(directory, entry.name));
  }
}

/** Whether there is such a process, be it somebody else's. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Removes what processes of this machine and user left that are no more. */
function sweep(): void {
  const user = process.getuid?.();
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(pattern.exec(name)?.[1]);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    const directory = join(tmpdir(), name);
    try {
      if (user === undefined || statSync(directory).uid === user) removeNow(directory);
    } catch {
      // Another one was faster.
    }
  }
}

/** What is still to be done when this process exits; one listener for all of it. */
const atExit = new Set<() => void>();
process.once("exit", () => {
  for (const leave of atExit) leave();
});

export interface Scratch {
  readonly path: string;
  remove(): Promise<void>;
}

/**
 * Makes a directory that goes with this process, however it ends; after `kill -9` the next one removes it.
 * @param onExit ends what uses the directory, where the process exits without `remove`
 */
export function makeScratch(onExit: () => void, purpose: "worker" | "demo" = "worker"): Scratch {
  sweep();
  const path = mkdtempSync(join(tmpdir(), `musketeers-${purpose}-${machine}-${process.pid}-`));
  const leave = () => {
    onExit();
    removeNow(path);
  };
  atExit.add(leave);
  return {
    path,
    async remove() {
      await rm(path, { recursive: true, force: true, maxRetries: 10 });
      atExit.delete(leave);
    },
  };
}
