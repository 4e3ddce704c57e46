import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";

/* Pictures of the real demo: what it paints, half-way, and a tab that helps. */

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const WAIT_MS = 300_000;

/** Reads a program's output until it has said something. */
async function said(output: NodeJS.ReadableStream, pattern: RegExp): Promise<RegExpExecArray> {
  let text = "";
  for await (const chunk of output) {
    text += String(chunk);
    const found = pattern.exec(text);
    if (found !== null) return found;
  }
  throw new Error(`the demo ended before it said ${pattern}:\n${text}`);
}

async function jpeg(page: Page, path: string): Promise<void> {
  await page.screenshot({ path, type: "jpeg", quality: 82 });
}

async function lendTab(browser: Browser, link: string): Promise<Page> {
  const page = await browser.newPage({
    colorScheme: "dark",
    viewport: { width: 390, height: 844 },
    deviceScaleFactor: 2,
  });
  await page.goto(link);
  await page.getByLabel("Name that others see").fill("d-artagnan's phone");
  await page.getByRole("button", { name: "Start lending" }).click();
  return page;
}

/** Takes `painted.jpg`, `painted-dark.jpg`, `volunteer.png` and `volunteer-phone.png`. */
export async function takePainted(browser: Browser, folder: string): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), "musketeers-screenshots-"));
  const demo = spawn(process.execPath, [program, "demo"], {
    env: { ...process.env, MUSKETEERS_HOME: home, XDG_CONFIG_HOME: home, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [, watch, lend] = await said(
      demo.stdout,
      /(http:\S+\/picture\/\S+)[\s\S]+?\n\s+(http:\S+\/join#\S+)\n/,
    );
    const tab = await lendTab(browser, lend!);
    const idle = await browser.newPage({ viewport: { width: 1280, height: 880 } });
    await idle.goto(lend!);
    await idle.getByRole("button", { name: "Start lending" }).waitFor();
    await idle.screenshot({ path: `${folder}/volunteer.png` });
    const pages: Page[] = [];
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await browser.newPage({ colorScheme, viewport: { width: 1280, height: 880 } });
      page.setDefaultTimeout(WAIT_MS);
      await page.goto(watch!);
      pages.push(page);
    }
    await pages[0]!.getByText(/ of 384 parts, (4\d|[5-9]\d) %/).waitFor();
    const [light, dark] = pages as [Page, Page];
    await jpeg(light, `${folder}/painted.jpg`);
    const box = (await dark.locator(".frame").boundingBox())!;
    await dark.mouse.move(box.x + box.width * 0.44, box.y + box.height * 0.62);
    await dark.locator(".painter-label").waitFor();
    await jpeg(dark, `${folder}/painted-dark.jpg`);
    await tab.screenshot({ path: `${folder}/volunteer-phone.png` });
  } finally {
    const ended = once(demo, "exit");
    demo.stdout.resume();
    demo.kill("SIGINT");
    await ended;
    await rm(home, { recursive: true, force: true, maxRetries: 10 });
  }
}
