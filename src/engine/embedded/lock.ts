import { createHash } from "node:crypto";
import { closeSync, constants, openSync, statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { MusketeersError } from "../../protocol/index.ts";
import { isSystemError } from "./files.ts";

/*
 * One hub for each data directory. The lock is always one that the system itself takes back when its
 * owner ends, however it ends, so there is nothing stale to judge and two that start together cannot
 * both win:
 *   Linux    a socket in the abstract name space, named by the directory's device and inode
 *   Windows  a named pipe of that name
 *   others   a lock file, opened with the flag that locks it
 * On Linux it holds within one network name space: containers that share a directory do not see each
 * other.
 */

export interface DirectoryLock {
  release(): Promise<void>;
}

const inUse = (directory: string): MusketeersError =>
  new MusketeersError("DATA_IN_USE", `Another hub uses ${directory}`);

function lockName(directory: string): string {
  const { dev, ino } = statSync(directory, { bigint: true });
  const digest = createHash("sha256").update(`musketeers data ${dev}:${ino}`).digest("hex").slice(0, 32);
  return `musketeers-${digest}`;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ path, exclusive: true }, resolve);
  });
}

async function lockBySocket(directory: string, path: string): Promise<DirectoryLock> {
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, path);
  } catch (cause) {
    if (isSystemError(cause, "EADDRINUSE") || isSystemError(cause, "EACCES")) throw inUse(directory);
    throw cause;
  }
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** Of macOS and the BSDs; Node has no name for it. */
const O_EXLOCK = 0x20;

function lockByFile(directory: string): DirectoryLock {
  const { O_RDWR, O_CREAT, O_NONBLOCK } = constants;
  try {
    const fd = openSync(join(directory, "lock"), O_RDWR | O_CREAT | O_NONBLOCK | O_EXLOCK, 0o600);
    return { release: async () => closeSync(fd) };
  } catch (cause) {
    if (isSystemError(cause, "EAGAIN") || isSystemError(cause, "EWOULDBLOCK")) throw inUse(directory);
    throw cause;
  }
}

/**
 * Takes a directory for this process, until it is released or the process ends.
 * @throws MusketeersError `DATA_IN_USE`
 */
export async function lockDirectory(directory: string, platform = process.platform): Promise<DirectoryLock> {
  if (platform === "linux" || platform === "android") {
    return lockBySocket(directory, `\0${lockName(directory)}`);
  }
  if (platform === "win32") return lockBySocket(directory, `\\\\.\\pipe\\${lockName(directory)}`);
  return lockByFile(directory);
}
