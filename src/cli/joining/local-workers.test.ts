import { expect, test, vi } from "vitest";
import { askToLeave, slotsOfShare } from "./local-workers.ts";

const childWith = (changes: object = {}) => ({
  exitCode: null,
  signalCode: null,
  connected: true,
  kill: vi.fn(() => true),
  disconnect: vi.fn(),
  ...changes,
});

test("a worker is asked to leave in a way that it can answer on each system", () => {
  const asked = (platform: NodeJS.Platform, changes?: object) => {
    const child = childWith(changes);
    askToLeave(child, platform);
    return [...child.kill.mock.calls.flat(), ...child.disconnect.mock.calls.map(() => "disconnect")];
  };
  expect(asked("linux")).toEqual(["SIGTERM"]);
  expect(asked("darwin")).toEqual(["SIGTERM"]);
  expect(asked("win32")).toEqual(["disconnect"]);
  expect(asked("win32", { connected: false })).toEqual([]);
  expect(asked("linux", { exitCode: 0 })).toEqual([]);
  expect(asked("linux", { signalCode: "SIGKILL" })).toEqual([]);
});

test("workers of one machine share the cores that it may use, and each has a slot", () => {
  const shares = (cores: number, workers: number) =>
    Array.from({ length: workers }, (_, at) => slotsOfShare(cores, workers, at));
  expect(shares(8, 2)).toEqual([4, 4]);
  expect(shares(8, 3)).toEqual([3, 3, 2]);
  expect(shares(1, 1)).toEqual([1]);
  expect(shares(2, 4)).toEqual([1, 1, 1, 1]);
});
