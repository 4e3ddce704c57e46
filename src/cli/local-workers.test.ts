import { expect, test, vi } from "vitest";
import { askToLeave } from "./local-workers.ts";

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
