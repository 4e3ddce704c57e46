import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeHome, musketeers, startUp } from "./support/program.ts";

describe("an invite that goes through a file", { timeout: 120_000 }, () => {
  test("a worker waits for what the hub leaves there, and a hub that starts again leaves it", async () => {
    const home = await makeHome();
    const file = join(home, "worker-invite");
    const worker = musketeers(["join", "--invite-file", file, "--accept", "--slots", "1"], home);
    await worker.until(/Waiting for an invite/, "stderr");
    const options = ["--workers", "0", "--write-invite", file];
    const { up, line } = await startUp(home, options);
    await worker.until(/Joined local/);
    const invite = await readFile(file, "utf8");
    expect(invite).toContain(`${line.url}/join#`);
    expect((await worker.stop()).status).toBe(0);
    expect((await up.stop()).status).toBe(0);

    const port = new URL(line.url).port;
    await startUp(home, [...options, "--listen", `127.0.0.1:${port}`]);
    expect(await readFile(file, "utf8")).toBe(invite);
    const again = musketeers(["join", "--invite-file", file, "--accept", "--slots", "1"], home);
    await again.until(/Joined local/);
    const workers = JSON.parse((await musketeers(["workers", "--json"], home).ended).stdout);
    expect(workers).toMatchObject([{ slots: 1 }]);
  });

  test("a worker that is stopped while it waits ends in good order", async () => {
    const home = await makeHome();
    const worker = musketeers(["join", "--invite-file", join(home, "none")], home);
    await worker.until(/Waiting for an invite/, "stderr");
    expect(await worker.stop()).toMatchObject({ status: 0, stdout: "" });
  });

  test("an address that is none, and a place that cannot be written to", async () => {
    const home = await makeHome();
    const wrong = await musketeers(["up", "--invite-url", "hub:7077"], home).ended;
    expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining("--invite-url") });
    const file = join(home, "none", "invite");
    const up = await musketeers(
      ["up", "--memory", "--listen", "127.0.0.1:0", "--workers", "0", "--write-invite", file],
      home,
    ).ended;
    expect(up).toMatchObject({ status: 6, stderr: expect.stringContaining(file) });
  });
});
