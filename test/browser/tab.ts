import { build } from "esbuild";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { onTestFinished } from "vitest";
import type { Hub } from "../../src/hub/index.ts";
import type { TabOptions, TabState } from "../../src/worker/browser.ts";
import { root } from "../support/program.ts";

let script: Promise<string> | undefined;

/** The page's part of a tab's worker as one script. */
async function pageScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${root}/src/worker/browser.ts`],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "musketeersTab",
    platform: "browser",
    target: "es2023",
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
}

export interface Tab {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What its policy refused, and other complaints of its console. */
  readonly complaints: readonly string[];
  state(): Promise<TabState>;
  /** Waits until the state is so; `test` is an expression in `state`. */
  until(test: string): Promise<TabState>;
  /** Runs an expression in which `tab` is the worker. */
  run(expression: string): Promise<unknown>;
}

/** A page of the hub in which a tab works, in a browser context of its own. */
export async function openTab(
  browser: Browser,
  hub: Hub,
  options: Partial<TabOptions> = {},
  address = hub.url,
): Promise<Tab> {
  const context = await browser.newContext();
  onTestFinished(() => context.close());
  // Only what hangs is to fail.
  context.setDefaultTimeout(150_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("pageerror", (error) => void complaints.push(String(error)));
  page.on("console", (message) => {
    // Nobody is signed in here.
    if (!message.text().includes("401")) complaints.push(message.text());
  });
  await page.goto(address);
  script ??= pageScript();
  const start = {
    invite: hub.invite({ role: "worker" }),
    slots: 1,
    accept: { net: [], memoryBytes: 0 },
    ...options,
  };
  await page.evaluate(
    `${await script}; globalThis.tab = musketeersTab.TabWorker.start(${JSON.stringify(start)}); 0`,
  );
  const run = (expression: string) => page.evaluate(`(async () => (${expression}))()`);
  return {
    page,
    context,
    complaints,
    run,
    state: async () => (await run("tab.state")) as TabState,
    until: async (test) =>
      (await run(
        `new Promise((resolve) => { const end = tab.onState((state) => { if (${test}) { setTimeout(() => end()); resolve(state); } }); })`,
      )) as TabState,
  };
}
