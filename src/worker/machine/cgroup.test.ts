import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { processorQuota } from "./cgroup.ts";

/** A system that has these files. */
async function system(files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "musketeers-cgroup-"));
  onTestFinished(() => rm(root, { recursive: true, force: true, maxRetries: 10 }));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), `${text}\n`);
  }
  return root;
}

test("version 2: the tightest bound on the way up holds", async () => {
  const root = await system({
    "proc/self/cgroup": "0::/system.slice/worker.service",
    "sys/fs/cgroup/system.slice/cpu.max": "150000 100000",
    "sys/fs/cgroup/system.slice/worker.service/cpu.max": "max 100000",
  });
  expect(processorQuota(root)).toBe(1.5);
});

test("version 2 in a container: its own group is the root of the tree", async () => {
  const root = await system({ "proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "50000 100000" });
  expect(processorQuota(root)).toBe(0.5);
});

test("version 1 in a container: the kernel names the host's path, where there is nothing", async () => {
  const root = await system({
    "proc/self/cgroup": "9:name=systemd:/docker/1f\n5:cpu,cpuacct:/docker/1f\n4:memory:/docker/1f\n0::/",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "100000",
    "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
  });
  expect(processorQuota(root)).toBe(1);
});

test.each<[string, Record<string, string>]>([
  ["no control groups", {}],
  ["no bound in version 2", { "proc/self/cgroup": "0::/a", "sys/fs/cgroup/a/cpu.max": "max 100000" }],
  [
    "no bound in version 1",
    {
      "proc/self/cgroup": "1:cpu:/",
      "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
      "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
    },
  ],
  ["nothing that can be read", { "proc/self/cgroup": "what\n0::/a", "sys/fs/cgroup/a/cpu.max": "" }],
])("%s: all processors", async (_name, files) => {
  expect(processorQuota(await system(files))).toBe(Number.POSITIVE_INFINITY);
});
