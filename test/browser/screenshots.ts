import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { connect } from "../../src/client/index.ts";
import { startHub } from "../../src/hub/index.ts";
import { browserPath, launchBrowser, pageLink } from "./browser.ts";
import { takePainted } from "./painted.ts";
import { type Pretended, PretendedWorker, pretendedTask } from "./pretend.ts";

/* npm run screenshots -- [--out FOLDER] [--all]: the pictures of the README, or of all pages, of a hub with pretended machines */

const { values } = parseArgs({
  options: { out: { type: "string" }, all: { type: "boolean", default: false } },
});
const folder = values.out ?? fileURLToPath(new URL("../../docs/pictures/", import.meta.url));

const machines: readonly Pretended[] = [
  ...["porthos", "aramis", "athos"].map((name) => ({ name, slots: 8, inputMs: 9 })),
  ...["milady", "planchet"].map((name) => ({
    name,
    slots: 8,
    inputMs: 7,
    description: { platform: "darwin", arch: "arm64", memoryBytes: 32 * 2 ** 30 },
  })),
  ...["pi-hall", "pi-attic", "pi-shed", "pi-lab"].map((name) => ({
    name,
    slots: 4,
    inputMs: 40,
    description: { arch: "arm64", memoryBytes: 4 * 2 ** 30 },
  })),
  { name: "bonacieux", slots: 4, inputMs: 14, description: { platform: "win32", memoryBytes: 16 * 2 ** 30 } },
  { name: "d-artagnan", slots: 2, inputMs: 25, failEvery: 97, description: { memoryBytes: 2 ** 31 } },
];

async function seen(page: Page, link: string, file: string, options: { full?: boolean } = {}): Promise<void> {
  await page.goto(link);
  await page.getByRole("heading", { level: 1 }).waitFor();
  // A chart needs two whole steps.
  await page.waitForTimeout(2_500);
  await page.screenshot({ path: `${folder}/${file}.png`, fullPage: options.full ?? false });
}

async function main(): Promise<void> {
  const browserAt = browserPath();
  if (browserAt === undefined) {
    process.stderr.write("There is no Chromium here: apt-get install chromium, or name it in $CHROMIUM.\n");
    process.exitCode = 1;
    return;
  }
  await mkdir(folder, { recursive: true });
  const hub = await startHub({ listen: "127.0.0.1:0", name: "La Rochelle" });
  const workers = await Promise.all(
    machines.map((machine) =>
      new PretendedWorker(hub.invite({ role: "worker", label: `${machine.name}'s owner` }), machine).start(),
    ),
  );
  const cluster = await connect({ hub: hub.invite({ role: "submitter", label: "treville" }) });
  const browser = await launchBrowser(browserAt);
  try {
    const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);
    for (const [title, count] of [
      ["countWords", 3_000],
      ["resizePhotos", 9_000],
    ] as const) {
      const job = await cluster.submit(pretendedTask(title), numbers(count));
      await job.wait();
    }
    const job = await cluster.submit(pretendedTask("renderTiles"), numbers(400_000));
    const link = pageLink(hub.invite({ role: "admin", label: "treville" }));
    for (const scheme of ["light", "dark"] as const) {
      const page = await browser.newPage({ colorScheme: scheme, viewport: { width: 1280, height: 880 } });
      await page.goto(link);
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.waitForTimeout(4_000);
      const suffix = scheme === "light" ? "" : "-dark";
      await seen(page, `${hub.url}/#/overview`, `overview${suffix}`);
      if (scheme === "light" || values.all)
        await seen(page, `${hub.url}/#/job/${job.id}`, `job${suffix}`, { full: true });
      if (scheme === "light" && values.all) {
        for (const name of ["jobs", "workers", "resources", "data", "people"])
          await seen(page, `${hub.url}/#/${name}`, name, { full: true });
      }
      await page.close();
    }
    const phone = await browser.newPage({ viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 });
    await seen(phone, link, "phone");
    if (values.all) await seen(phone, `${hub.url}/#/job/${job.id}`, "phone-job", { full: true });
    await takePainted(browser, folder);
    process.stdout.write(`pictures are in ${folder}\n`);
  } finally {
    await browser.close();
    await cluster.close();
    for (const worker of workers) worker.stop();
    await hub.close();
  }
}

await main();
