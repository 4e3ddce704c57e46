import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const TIMEOUT_MS = 3_000;

/** Where Linux tells of power supplies. */
const SUPPLIES = "/sys/class/power_supply";

const line = async (path: string): Promise<string> => (await readFile(path, "utf8").catch(() => "")).trim();

/**
 * Whether a Linux machine runs on its battery: no mains is on line and a battery discharges. Peripherals with
 * batteries of their own, such as mice, do not count.
 */
export async function linuxOnBattery(supplies = SUPPLIES): Promise<boolean | undefined> {
  const names = await readdir(supplies).catch(() => undefined);
  if (names === undefined) return undefined;
  let discharges = false;
  for (const name of names) {
    const read = (file: string) => line(join(supplies, name, file));
    if ((await read("scope")) === "Device") continue;
    const type = await read("type");
    if (/^(Mains|USB)/.test(type) && (await read("online")) === "1") return false;
    if (type === "Battery" && (await read("status")) === "Discharging") discharges = true;
  }
  return discharges;
}

/** What `pmset -g batt` says on macOS. */
export const parsePmset = (text: string): boolean | undefined => {
  const source = /Now drawing from '(AC|Battery|UPS) Power'/.exec(text)?.[1];
  return source === undefined ? undefined : source !== "AC";
};

/** What Windows says of its battery: 1 is discharging, nothing is no battery. */
export const parseBatteryStatus = (text: string): boolean => text.trim().split(/\s+/).includes("1");

/** Whether this machine runs on a battery; undefined where that cannot be told. */
export async function onBattery(): Promise<boolean | undefined> {
  switch (process.platform) {
    case "linux":
      return linuxOnBattery();
    case "darwin":
      return parsePmset((await run("pmset", ["-g", "batt"], { timeout: TIMEOUT_MS })).stdout);
    case "win32": {
      const command = "(Get-CimInstance Win32_Battery).BatteryStatus";
      const { stdout } = await run("powershell", ["-NoProfile", "-Command", command], {
        timeout: TIMEOUT_MS,
      });
      return parseBatteryStatus(stdout);
    }
    default:
      return undefined;
  }
}
