import { expect, test } from "vitest";
import { makeHome, musketeers, startUp } from "./support/program.ts";

/* Containers where there is no engine to run them; with one they are tried in test/containers. */

test("a worker that is to run containers and cannot says so before it joins", async () => {
  const home = await makeHome();
  const { line } = await startUp(home, ["--workers", "0"]);
  const join = ["join", line.joinInvite, "--accept", "--json"];
  // Neither docker nor podman is found there.
  const refused = await musketeers([...join, "--allow-containers"], home, undefined, { PATH: home }).ended;
  expect(refused.status).not.toBe(0);
  const { error } = JSON.parse(refused.stderr.trim().split("\n").at(-1)!) as {
    error: Record<string, string>;
  };
  expect(error).toMatchObject({
    code: "SANDBOX_UNAVAILABLE",
    message: "No container engine answers: docker is not installed; podman is not installed",
    hint: expect.stringContaining("--allow-containers"),
  });
});
