import { spawnSync } from "node:child_process";
import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, type TestContext } from "vitest";

/** A real file system of a few megabytes, to be filled and freed. */
export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** Mounts one for a test, or skips the test with the reason. Stop what uses it before the test ends. */
  static async mount(context: TestContext, megabytes: number): Promise<SmallDisk> {
    if (process.platform !== "linux") context.skip("small disks are made of Linux's tmpfs");
    const path = await mkdtemp(join(tmpdir(), "musketeers-disk-"));
    const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", path]);
    if (status !== 0) {
      await rm(path, { recursive: true, force: true, maxRetries: 10 });
      context.skip(`a small disk cannot be mounted here: ${String(stderr).split("\n", 1)[0]}`);
    }
    onTestFinished(async () => {
      spawnSync("umount", ["--lazy", path]);
      await rm(path, { recursive: true, force: true, maxRetries: 10 });
    });
    return new SmallDisk(path);
  }

  get #ballast(): string {
    return join(this.path, "ballast");
  }

  /** Leaves no byte. */
  async fill(): Promise<void> {
    const { bavail, bsize } = await statfs(this.path);
    try {
      await writeFile(this.#ballast, Buffer.alloc(bavail * bsize + bsize), { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }

  async free(): Promise<void> {
    await rm(this.#ballast);
  }
}
