import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { linger } from "./systemd.ts";

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A `loginctl` that stands before the system's. */
async function pretend(script: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-loginctl-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  await writeFile(join(directory, "loginctl"), `#!/bin/sh\n${script}\n`, { mode: 0o700 });
  vi.stubEnv("PATH", `${directory}:${process.env.PATH}`);
}

test.skipIf(process.platform === "win32")(
  "lingering is asked for by user, since there may be no session",
  async () => {
    await pretend('[ $# = 2 ] || { echo "Could not enable linger: No such device" >&2; exit 1; }; echo "$*"');
    expect((await linger()).trim()).toBe(`enable-linger ${process.getuid!()}`);
  },
);

test.skipIf(process.platform === "win32")("why it is refused is said", async () => {
  await pretend('echo "Access denied" >&2; exit 1');
  await expect(linger()).rejects.toMatchObject({
    code: "SERVICE_MANAGER",
    message: expect.stringMatching(/^loginctl enable-linger \d+: Access denied$/),
  });
});
