import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ownTime, processorMsOf } from "../own-time.ts";
import { readPause, removePause, writePause } from "../pause-file.ts";
import { linuxOnBattery, parseBatteryStatus, parsePmset } from "./battery.ts";
import { othersProbe } from "./others.ts";
import { lastTypedAtMs, parseIoreg, parseSessions } from "./untouched.ts";

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "musketeers-probes-"));
  onTestFinished(() => rm(path, { recursive: true, force: true, maxRetries: 10 }));
  return path;
}

async function supply(root: string, name: string, files: Record<string, string>): Promise<void> {
  await mkdir(join(root, name));
  for (const [file, text] of Object.entries(files)) await writeFile(join(root, name, file), `${text}\n`);
}

test("Linux: a battery that discharges without mains is one; a mouse's is not", async () => {
  const root = await directory();
  expect(await linuxOnBattery(join(root, "none"))).toBeUndefined();
  expect(await linuxOnBattery(root)).toBe(false);
  await supply(root, "hidpp_battery_0", { type: "Battery", scope: "Device", status: "Discharging" });
  expect(await linuxOnBattery(root)).toBe(false);
  await supply(root, "BAT0", { type: "Battery", status: "Discharging" });
  expect(await linuxOnBattery(root)).toBe(true);
  await supply(root, "AC", { type: "Mains", online: "1" });
  expect(await linuxOnBattery(root)).toBe(false);
});

test("macOS and Windows say it in their own words", () => {
  expect(parsePmset("Now drawing from 'Battery Power'\n -InternalBattery-0 91%; discharging")).toBe(true);
  expect(parsePmset("Now drawing from 'AC Power'")).toBe(false);
  expect(parsePmset("")).toBeUndefined();
  expect([parseBatteryStatus("1\r\n"), parseBatteryStatus("2\r\n"), parseBatteryStatus("")]).toEqual([
    true,
    false,
    false,
  ]);
  expect(parseIoreg('  | "HIDIdleTime" = 1500000000')).toBe(1_500);
  expect(parseIoreg("")).toBeUndefined();
});

test("Linux: the last key is the newest of its terminals' times; other devices do not count", async () => {
  const root = await directory();
  expect(await lastTypedAtMs([root, join(root, "none")])).toBeUndefined();
  for (const [name, seconds] of [
    ["tty1", 100],
    ["3", 250],
    ["ttyS0", 900],
    ["null", 900],
  ] as const) {
    await writeFile(join(root, name), "");
    await utimes(join(root, name), seconds, 1);
  }
  expect(await lastTypedAtMs([root])).toBe(250_000);
});

test("Linux: graphical sessions say since when nobody uses them", () => {
  const session = (hint: string, since: number) => `Type=wayland\nIdleHint=${hint}\nIdleSinceHint=${since}\n`;
  expect(parseSessions("", 9_000)).toBeUndefined();
  expect(parseSessions(session("yes", 5_000_000), 9_000)).toBe(5_000);
  expect(parseSessions(session("yes", 5_000_000) + session("yes", 6_000_000), 9_000)).toBe(6_000);
  expect(parseSessions(session("yes", 5_000_000) + session("no", 0), 9_000)).toBe(9_000);
});

test("what others use is what the machine does less what the worker does, smoothed", async () => {
  let own = 0;
  let machine = { busyMs: 0, totalMs: 0 };
  const probe = othersProbe(async () => own, { times: () => machine, overCalls: 2 });
  expect(await probe()).toBeUndefined();
  machine = { busyMs: 1_500, totalMs: 2_000 };
  own = 1_500;
  expect(await probe()).toBe(0);
  machine = { busyMs: 3_500, totalMs: 4_000 };
  own = 2_500;
  expect(await probe()).toBeCloseTo(0.25);
  // Nothing passed: nothing new is known.
  expect(await probe()).toBeCloseTo(0.25);
});

test.skipIf(process.platform !== "linux")(
  "a worker knows its own time, whatever a program is called",
  async () => {
    const stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 123 45 0 0 20 0 1 0 1 1 1";
    expect(processorMsOf(stat)).toBe(1_680);
    expect(processorMsOf("")).toBeUndefined();
    const time = ownTime(() => [process.pid]);
    const before = await time();
    const started = process.cpuUsage();
    while (process.cpuUsage(started).user < 200_000);
    // This process is counted as worker and as sandbox.
    expect((await time()) - before).toBeGreaterThan(100);
  },
);

test("a volunteer's word is kept until it is taken back or its time is over", async () => {
  const path = join(await directory(), "new", "pause.json");
  expect(await readPause(path, 5)).toBeUndefined();
  await writePause(path);
  expect(await readPause(path, 5)).toEqual({ untilMs: Number.POSITIVE_INFINITY });
  await writePause(path, 10);
  expect(await readPause(path, 9)).toEqual({ untilMs: 10 });
  expect(await readPause(path, 10)).toBeUndefined();
  await writeFile(path, "{");
  expect(await readPause(path, 5)).toBeDefined();
  await removePause(path);
  await removePause(path);
  expect(await readPause(path, 5)).toBeUndefined();
});
