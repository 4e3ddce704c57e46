import { readFileSync } from "node:fs";

const BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id";

/**
 * Names the run of this machine since it was started, or is empty where the system has no such name (other
 * than Linux). As long as it is the same, no power cut took anything out of the system's cache.
 */
export function bootName(): string {
  try {
    return readFileSync(BOOT_ID_FILE, "utf8").trim();
  } catch {
    return "";
  }
}
