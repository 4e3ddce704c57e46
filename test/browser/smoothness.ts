import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";
import type { Page } from "playwright-core";
import { connect } from "../../src/client/index.ts";
import { startHub } from "../../src/hub/index.ts";
import { browserPath, launchBrowser, pageLink } from "./browser.ts";
import { PretendedWorker, pretendedTask } from "./pretend.ts";

/*
 * npm run smoothness -- [--workers 1000] [--seconds 10] [--json]: how the pages of a hub with many machines feel. Hub and
 * machines are of this process, which reports about as many units a second as there are machines.
 */

const { values } = parseArgs({
  options: {
    workers: { type: "string", default: "1000" },
    seconds: { type: "string", default: "10" },
    json: { type: "boolean", default: false },
  },
});
const count = Number(values.workers);
const seconds = Number(values.seconds);

const JOINING_AT_ONCE = 50;

/** Notes each frame and each task over 50 ms from now on. */
const watch = `
  window.seen = { frames: [], long: [] };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) seen.long.push(duration);
  }).observe({ type: "longtask" });
  let last = performance.now();
  const frame = (now) => {
    seen.frames.push(now - last);
    last = now;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
`;

/** Marks when there are figures on the page, and the frame behind them is drawn. */
const markReady = `
  new MutationObserver((_, observer) => {
    if (document.querySelector("main .figures") === null) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => performance.mark("ready")));
  }).observe(document, { childList: true, subtree: true });
`;

interface Seen {
  readonly frames: readonly number[];
  readonly long: readonly number[];
}

const share = (sorted: readonly number[], of: number): number =>
  Math.round(10 * (sorted[Math.min(sorted.length - 1, Math.floor(of * sorted.length))] ?? 0)) / 10;

async function measured(page: Page, path: string, base: string) {
  // A page of its own each time: what the last one noted is gone.
  await page.goto("about:blank");
  await page.goto(`${base}/#/${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.evaluate(watch);
  const devtools = await page.context().newCDPSession(page);
  // Of the page's main thread, whatever else wants the processors.
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const cpuSeconds = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
  };
  const before = await cpuSeconds();
  await page.waitForTimeout(seconds * 1000);
  const cpuShare = Math.round((100 * ((await cpuSeconds()) - before)) / seconds) / 100;
  await devtools.detach();
  const { frames, long } = (await page.evaluate("seen")) as Seen;
  const sorted = frames.toSorted((a, b) => a - b);
  return {
    cpuShare,
    framesPerSecond: Math.round(frames.length / seconds),
    frameMsMedian: share(sorted, 0.5),
    frameMsP95: share(sorted, 0.95),
    frameMsMost: share(sorted, 1),
    longTasks: long.length,
    longTaskMsMost: Math.round(Math.max(0, ...long)),
    busyShare: Math.round((100 * long.reduce((sum, ms) => sum + ms, 0)) / (seconds * 1000)) / 100,
  };
}

/** From the address to something to read and press, of somebody who is signed in: the median of five. */
async function opening(page: Page, base: string): Promise<{ firstPaintMs: number; interactiveMs: number }> {
  const times: { paint: number; ready: number }[] = [];
  for (let turn = 0; turn < 5; turn++) {
    await page.goto("about:blank");
    await page.goto(`${base}/#/overview`);
    while ((await page.evaluate("performance.getEntriesByName('ready').length")) === 0) {
      await page.waitForTimeout(20);
    }
    const time = await page.evaluate(`({
      paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0,
      ready: performance.getEntriesByName("ready")[0].startTime,
    })`);
    times.push(time as { paint: number; ready: number });
  }
  const median = (of: (time: { paint: number; ready: number }) => number) =>
    Math.round(times.map(of).toSorted((a, b) => a - b)[2]!);
  return { firstPaintMs: median(({ paint }) => paint), interactiveMs: median(({ ready }) => ready) };
}

/** Where it is, for who waits. */
const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function main(): Promise<void> {
  const browserAt = browserPath();
  if (browserAt === undefined) throw new Error("There is no Chromium here: apt-get install chromium");
  const hub = await startHub({ listen: "127.0.0.1:0", name: "La Rochelle" });
  const invite = hub.invite({ role: "worker", label: "many" });
  const workers: PretendedWorker[] = [];
  for (let at = 0; at < count; at += JOINING_AT_ONCE) {
    const joining = Array.from({ length: Math.min(JOINING_AT_ONCE, count - at) }, (_, more) => {
      const machine = { name: `machine-${at + more}`, slots: 1, inputMs: 1_000 };
      return new PretendedWorker(invite, machine).start();
    });
    workers.push(...(await Promise.all(joining)));
  }
  say(`${count} workers are there`);
  const cluster = await connect({ hub: hub.invite({ role: "submitter", label: "treville" }) });
  const browser = await launchBrowser(browserAt);
  try {
    const inputs = Array.from({ length: count * (seconds * 4 + 120) }, (_, at) => at);
    const job = await cluster.submit(pretendedTask("renderTiles"), inputs);
    say("their job is submitted");
    const page = await browser.newPage({ viewport: { width: 1280, height: 880 } });
    await page.addInitScript(markReady);
    await page.goto(pageLink(hub.invite({ role: "admin", label: "treville" })));
    await page.getByRole("heading", { level: 1 }).waitFor();
    const before = hub.coordinator.throughput.total;
    const result = {
      workers: count,
      cores: availableParallelism(),
      opening: await opening(page, hub.url),
      overview: await measured(page, "overview", hub.url),
      list: await measured(page, "workers", hub.url),
      job: await measured(page, `job/${job.id}`, hub.url),
      inputsPerSecond: Math.round(hub.coordinator.throughput.perSecond),
      inputsDone: hub.coordinator.throughput.total - before,
      loadAverage: Math.round(loadavg()[0]!),
    };
    process.stdout.write(`${JSON.stringify(result, undefined, values.json ? undefined : 2)}\n`);
    await job.cancel();
  } finally {
    await browser.close();
    await cluster.close();
    for (const worker of workers) worker.stop();
    await hub.close();
  }
}

await main();
