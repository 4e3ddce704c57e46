import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { descendantsOf, untilGone } from "../support/processes.ts";
import { makeHome, script } from "../support/program.ts";
import { engineOf } from "./rig.ts";

test("an engine whose starter is killed leaves no process, no control group and no file", async (context) => {
  engineOf(context);
  const home = await makeHome();
  const directory = join(home, "engine");
  const starter = script(["test/containers/mortal-engine.ts", directory], home);
  const [line] = await starter.until(/^\{.*\}$/m);
  const { pid } = JSON.parse(line) as { pid: number };
  const processes = [pid, ...(await descendantsOf(pid))];
  // dockerd besides the first one; those of its threads are not listed.
  expect(processes.length).toBeGreaterThan(1);
  const groups = async () =>
    (await readdir("/sys/fs/cgroup")).concat(await readdir("/sys/fs/cgroup/memory").catch(() => []));
  await starter.stop("SIGKILL");
  for (const process of processes) await untilGone(process);
  await expect.poll(() => readdir(home)).not.toContain("engine");
  expect(await groups()).not.toContain(`musketeers-test-${starter.child.pid}`);
});
