/*
 * Loaded before a program, whose code knows nothing of it: a disk that is full while the file `full` exists,
 * and clocks that are set by what `clock.json` says when SIGUSR2 comes.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";

const control = process.env.CHAOS_CONTROL;
const full = join(control, "full");
const { existsSync, readFileSync } = fs;

// The disk.

let wasFull = false;

const noSpace = () =>
  Object.assign(new Error("ENOSPC: no space left on device, write"), {
    code: "ENOSPC",
    errno: -28,
    syscall: "write",
  });

/** The first write that finds the disk full still puts down half of its bytes. */
function room(bytes) {
  const isFull = existsSync(full);
  const first = isFull && !wasFull;
  wasFull = isFull;
  if (!isFull) return bytes;
  return first ? bytes >> 1 : 0;
}

const { writeSync, writev, write } = fs;

fs.writeSync = (fd, data, offset, length, ...rest) => {
  if (fd <= 2 || typeof data === "string" || typeof length !== "number")
    return writeSync(fd, data, offset, length, ...rest);
  const bytes = room(length);
  if (bytes === 0 && length > 0) throw noSpace();
  return writeSync(fd, data, offset, bytes, ...rest);
};

fs.writev = (fd, pieces, position, callback) => {
  const length = pieces.reduce((sum, piece) => sum + piece.byteLength, 0);
  const bytes = room(length);
  if (bytes === length) return writev(fd, pieces, position, callback);
  if (bytes === 0) return setImmediate(callback, noSpace(), 0, pieces);
  const whole = Buffer.concat(pieces);
  return write(fd, whole, 0, bytes, position, (error, written) => callback(error, written, pieces));
};

const { open } = fs.promises;
fs.promises.open = async (...args) => {
  const handle = await open(...args);
  for (const name of ["write", "writev", "writeFile", "appendFile"]) {
    const original = handle[name].bind(handle);
    handle[name] = async (...values) => {
      if (existsSync(full)) throw noSpace();
      return original(...values);
    };
  }
  return handle;
};

const { writeFile } = fs.promises;
fs.promises.writeFile = async (...args) => {
  if (existsSync(full)) throw noSpace();
  return writeFile(...args);
};

syncBuiltinESMExports();

// The clocks.

let wallMs = 0;
let monotonicMs = 0;
const RealDate = Date;
const now = performance.now.bind(performance);

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + wallMs);
    else super(...args);
  }

  static now() {
    return RealDate.now() + wallMs;
  }
};

performance.now = () => now() + monotonicMs;

process.on("SIGUSR2", () => {
  const set = JSON.parse(readFileSync(join(control, "clock.json"), "utf8"));
  wallMs = set.wallMs;
  // This one never goes back.
  monotonicMs = Math.max(monotonicMs, set.monotonicMs);
});
