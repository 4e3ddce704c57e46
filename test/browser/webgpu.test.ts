import { expect, onTestFinished, test } from "vitest";
import { testClient, testHub, testWorker } from "../support/whole-cluster.ts";
import { browserPath, launchBrowser } from "./browser.ts";
import { openTab } from "./tab.ts";
import { square } from "./webgpu-task.ts";

const chromiumAt = browserPath();

test.skipIf(chromiumAt === undefined)(
  "a task that needs WebGPU runs in a tab that has it, and nowhere else",
  async (context) => {
    const flags = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
    const browser = await launchBrowser(chromiumAt!, flags);
    onTestFinished(() => browser.close());
    const hub = await testHub();
    const cluster = await testClient(hub);
    await testWorker(hub);
    const tab = await openTab(browser, hub);
    const { capabilities } = await tab.until("state.phase === 'waiting'");
    if (!capabilities.includes("webgpu")) context.skip("this Chromium has no software adapter for WebGPU");
    expect(await cluster.run(square, [1, 2, 3, 70_000 & 1023])).toEqual([1, 4, 9, (70_000 & 1023) ** 2]);
    expect((await tab.until("state.done.inputs > 0")).done.failed).toBe(0);
  },
);
