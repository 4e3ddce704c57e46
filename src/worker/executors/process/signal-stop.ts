import process from "node:process";

/** Stops a process where it stands, or lets it go on; false where the system knows no such thing. */
export function signalStop(pid: number | undefined, stopped: boolean): boolean {
  if (process.platform === "win32") return false;
  try {
    if (pid !== undefined) process.kill(pid, stopped ? "SIGSTOP" : "SIGCONT");
  } catch {
    // It is gone already.
  }
  return true;
}
