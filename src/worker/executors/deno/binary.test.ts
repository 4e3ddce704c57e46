import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { denoPackage, findDeno } from "./binary.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

test("each system has its package, or a reason why there is none", () => {
  const on = (platform: string, arch: string, glibc = false) => denoPackage({ platform, arch, glibc });
  expect(on("linux", "x64", true)).toBe("@deno/linux-x64-glibc");
  expect(on("linux", "arm64", true)).toBe("@deno/linux-arm64-glibc");
  expect(on("darwin", "arm64")).toBe("@deno/darwin-arm64");
  expect(on("win32", "x64")).toBe("@deno/win32-x64");
  const none = (message: RegExp) =>
    expect.objectContaining({
      code: "SANDBOX_UNAVAILABLE",
      message: expect.stringMatching(message),
      hint: expect.stringContaining("--trust"),
    });
  expect(() => on("linux", "arm", true)).toThrow(none(/32-bit ARM/));
  expect(() => on("linux", "x64")).toThrow(none(/without glibc/));
  expect(() => on("freebsd", "x64")).toThrow(none(/freebsd on x64/));
  // What cannot be installed is not advised.
  const advice = expect.objectContaining({ hint: expect.not.stringContaining("Install") });
  expect(() => on("linux", "arm", true)).toThrow(advice);
  expect(() => on("linux", "arm", true)).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("64-bit") }),
  );
});

test("a program that is no Deno, or is not there, is no sandbox", async () => {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-binary-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  const path = join(directory, "deno");
  vi.stubEnv("MUSKETEERS_DENO", path);
  await expect(findDeno()).rejects.toMatchObject({ code: "SANDBOX_UNAVAILABLE" });
  await writeFile(path, "#!/bin/sh\necho something else\n", { mode: 0o700 });
  await expect(findDeno()).rejects.toMatchObject({
    code: "SANDBOX_UNAVAILABLE",
    message: expect.stringContaining(path),
  });
});
