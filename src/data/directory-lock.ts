import { createHash } from "node:crypto";
import { closeSync, constants, openSync, rmSync, statSync } from "node:fs";
import { createConnection, createServer, type Server } from "node:net";
import { join } from "node:path";
import { MusketeersError } from "../protocol/index.ts";

/*
 * One process for each directory. The lock is always one that the system itself takes back when its
 * owner ends, however it ends, so there is nothing stale to judge and two that start together cannot
 * both win:
 *   Linux    a socket in the abstract name space, named by the directory's device and inode, and one in
 *            the directory
 *   Windows  a named pipe of that name
 *   others   a lock file, opened with the flag that locks it
 * The first of Linux's holds within one network name space and has no races; the second is seen by other
 * containers of the machine that share the directory. Other machines see neither: see claim.ts.
 */

const isSystemError = (error: unknown, code: string): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === code;

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

const SOCKET_NAME = "lock.sock";

/** Whether somebody listens at a path. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ path }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => {
      const isNobody = ["ENOENT", "ECONNREFUSED"].some((code) => isSystemError(error, code));
      if (isNobody) resolve(false);
      else reject(error);
    });
  });
}

/** A lock by a socket in the directory; undefined where its file system has none, or cannot be written. */
async function lockInside(directory: string): Promise<DirectoryLock | undefined> {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  // By this name, because a socket's may not be long.
  const path = `/proc/self/fd/${fd}/${SOCKET_NAME}`;
  try {
    if (await isAnswered(path)) throw inUse(directory);
    rmSync(path, { force: true });
    const lock = await lockBySocket(directory, path);
    return { release: () => lock.release().finally(() => closeSync(fd)) };
  } catch (error) {
    closeSync(fd);
    if (error instanceof MusketeersError && error.code === "DATA_IN_USE") throw error;
    return undefined;
  }
}

async function lockOnLinux(directory: string): Promise<DirectoryLock> {
  const first = await lockBySocket(directory, `\0${lockName(directory)}`);
  try {
    const second = await lockInside(directory);
    return {
      release: async () => {
        await second?.release();
        await first.release();
      },
    };
  } catch (error) {
    await first.release();
    throw error;
  }
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
    return lockOnLinux(directory);
  }
  if (platform === "win32") return lockBySocket(directory, `\\\\.\\pipe\\${lockName(directory)}`);
  return lockByFile(directory);
}
