import { closeSync, constants, openSync, writeSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Denial } from "../denial.ts";
import { AuditPipes } from "./audit.ts";

async function openPipes(intervalMs: number): Promise<AuditPipes> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-audit-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  const pipes = await AuditPipes.open(join(directory, "audits"), intervalMs);
  if (pipes === undefined) throw new Error("no named pipes here");
  return pipes;
}

const line = (value: string) => `{"v":1,"permission":"read","value":"${value}"}\n`;

test.skipIf(process.platform === "win32")(
  "what a process wrote is read, at the latest at its end",
  async () => {
    const pipes = await openPipes(3_600_000);
    const denied: Denial[] = [];
    const pipe = pipes.take([], (denial) => denied.push(denial))!;
    const fd = openSync(pipe.path, "w");
    writeSync(fd, line("/a"));
    writeSync(fd, `${line("/b")}{"v":1,"perm`);
    closeSync(fd);
    pipe.close();
    pipe.close();
    expect(denied.map(({ target }) => target)).toEqual(["/a", "/b"]);
    // The next one has none of what was left.
    const paths = new Set<string>();
    for (let at = 0; at < 16; at++) {
      const next = pipes.take([], (denial) => denied.push(denial));
      if (next === undefined) continue;
      paths.add(next.path);
      onTestFinished(() => next.close());
    }
    expect(paths.size).toBe(16);
    expect(denied).toHaveLength(2);
  },
);

test.skipIf(process.platform === "win32")("whoever writes more than is read has to wait", async () => {
  const pipes = await openPipes(3_600_000);
  let denied = 0;
  const pipe = pipes.take([], () => denied++)!;
  const fd = openSync(pipe.path, constants.O_WRONLY | constants.O_NONBLOCK);
  let written = 0;
  const flood = () => {
    for (;;) writeSync(fd, line(`/${written++}`));
  };
  expect(flood).toThrow(/EAGAIN/);
  closeSync(fd);
  pipe.close();
  // A pipe holds about 64 KiB.
  expect(written).toBeLessThan(10_000);
  expect(denied).toBeGreaterThan(100);
  expect(denied).toBeLessThanOrEqual(written);
});
