import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeHome, musketeers, startUp } from "./support/program.ts";

const TIMEOUT_MS = 120_000;
/** Larger than what travels in messages, so that it goes as a blob, both ways. */
const LETTERS = 200_000;

test("a hub with a TLS key of its own: workers and clients go by the pin in their invites, also for blobs", {
  timeout: TIMEOUT_MS,
}, async () => {
  const home = await makeHome();
  const { line } = await startUp(home, ["--tls", "--slots", "1"]);
  expect(line.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  expect(line.joinCommand).toMatch(
    /^curl -kf --progress-bar -o musketeers\.tgz --pinnedpubkey 'sha256\/\/\S+' https:/,
  );
  expect((await stat(join(home, "hub", "tls.pem"))).mode & 0o777).toBe(0o600);
  const file = join(home, "tasks.ts");
  await writeFile(
    file,
    'import { task } from "musketeers";\nexport const shout = task((text: string) => text.toUpperCase());\n',
  );
  const input = `${JSON.stringify("a".repeat(LETTERS))}\n`;
  const ran = await musketeers(["run", `${file}#shout`, "--values"], home, input).ended;
  expect([ran.status, ran.stderr.includes("error:")]).toEqual([0, false]);
  expect(ran.stdout.length).toBeGreaterThan(LETTERS);
  expect(ran.stdout).toContain("AAAA");
});

test("over a network nothing is spoken in the clear unless somebody says so", {
  timeout: TIMEOUT_MS,
}, async () => {
  const home = await makeHome();
  const refused = await musketeers(["up", "--listen", "0.0.0.0:0", "--workers", "0"], home).ended;
  expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("--insecure-http") });
  const { up, line } = await startUp(home, ["--workers", "0", "--lan", "--insecure-http"]);
  expect(line.url).toMatch(/^http:/);
  expect((await up.stop("SIGINT")).status).toBe(0);
});
