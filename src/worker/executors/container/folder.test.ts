import { chmod, chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { expect, onTestFinished, type TestContext, test } from "vitest";
import { removeFolder, sizeOf } from "./folder.ts";

const NOBODY = 65_534;

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "musketeers-folder-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

/** Root is let in everywhere; here it is somebody else for the rest of the test. */
async function beNobody(context: TestContext, folder: string): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  await chown(folder, NOBODY, NOBODY);
  try {
    process.seteuid?.(NOBODY);
  } catch {
    context.skip("this process may not become another user");
  }
  // Before the folder is removed: what was registered last runs first.
  onTestFinished(() => process.seteuid?.(0));
}

test("what files take is counted, links are not followed, and what is not there takes nothing", async () => {
  const folder = await makeFolder();
  await mkdir(join(folder, "a", "b"), { recursive: true });
  await writeFile(join(folder, "one"), "x".repeat(10));
  await writeFile(join(folder, "a", "b", "two"), "x".repeat(32));
  await symlink("/", join(folder, "a", "root"));
  expect(await sizeOf(folder)).toBe(42);
  expect(await sizeOf(join(folder, "missing"))).toBe(0);
});

test.skipIf(process.platform === "win32")(
  "a folder that shuts its owner out hides nothing, and is removed",
  async (context) => {
    const folder = await makeFolder();
    await beNobody(context, folder);
    const out = join(folder, "out");
    await mkdir(join(out, "a", "b"), { recursive: true });
    await writeFile(join(out, "a", "b", "file"), "x");
    const elsewhere = join(folder, "elsewhere");
    await mkdir(elsewhere);
    await symlink(elsewhere, join(out, "a", "link"));
    await chmod(elsewhere, 0o755);
    for (const path of [join(out, "a", "b"), join(out, "a"), out]) await chmod(path, 0);
    expect(await sizeOf(out)).toBe(Number.POSITIVE_INFINITY);
    expect(await removeFolder(out)).toBe(true);
    expect(await sizeOf(out)).toBe(0);
    // Whatever a link in it names stays as it is.
    expect((await stat(elsewhere)).mode & 0o777).toBe(0o755);
  },
);
