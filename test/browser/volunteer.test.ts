import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { expect, onTestFinished, test } from "vitest";
import { paintPart } from "../../src/cli/demo/paint-part.ts";
import { paint } from "../../src/cli/demo/picture/paint.ts";
import { partsOf } from "../../src/cli/demo/picture/parts.ts";
import type { PictureTile } from "../../src/client/index.ts";
import type { Hub } from "../../src/hub/index.ts";
import { testClient, testHub } from "../support/whole-cluster.ts";
import { pageLink } from "./browser.ts";
import { describeInBrowser } from "./with-browser.ts";

/* The page of somebody who lends a browser, on a real hub. */

const checker = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const canvas = { width: 64, height: 32, size: 16, grain: 1 };
const parts = partsOf(canvas);
const picture = { picture: { width: canvas.width, height: canvas.height } };

describeInBrowser("the volunteer's page", (browser) => {
  async function newContext(options: Parameters<Browser["newContext"]>[0] = {}): Promise<BrowserContext> {
    const context = await browser().newContext({ locale: "en-GB", ...options });
    // Only what hangs is to fail.
    context.setDefaultTimeout(150_000);
    onTestFinished(() => context.close());
    return context;
  }

  /** The page of an invite, whose complaints fail the test. */
  async function opened(
    link: string,
    options: Parameters<Browser["newContext"]>[0] = {},
    context?: BrowserContext,
  ): Promise<Page> {
    const page = await (context ?? (await newContext(options))).newPage();
    const complaints: string[] = [];
    page.on("pageerror", (error) => void complaints.push(String(error)));
    page.on("console", (message) => {
      if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
    });
    onTestFinished(() => expect(complaints).toEqual([]));
    await page.goto(link);
    await page.getByRole("button", { name: "Start lending" }).waitFor();
    return page;
  }

  const start = async (page: Page, name: string): Promise<void> => {
    await page.getByLabel("Name that others see").fill(name);
    await page.getByRole("button", { name: "Start lending" }).click();
  };
  const status = (page: Page, text: string | RegExp) => page.getByRole("status").filter({ hasText: text });
  const idle = "Nothing to do right now";

  const namesAt = async (hub: Hub): Promise<readonly string[]> => {
    const asker = await testClient(hub, "viewer");
    return (await asker.call("workers", {})).map(({ name }) => name);
  };

  test("one click, and the tab paints: the same pixels as here, seen by a viewer, under the name it was given", async () => {
    const hub = await testHub();
    const cluster = await testClient(hub);
    const page = await opened(hub.invite({ role: "worker" }));
    await start(page, "constance");
    await status(page, idle).waitFor();
    const job = await cluster.submit(paintPart, parts, { ...picture, needs: { platform: "browser" } });
    for await (const { index, value, worker } of job.results()) {
      expect(worker).toBe("constance");
      const { pixels } = value as PictureTile;
      expect(Buffer.compare(pixels, paint(parts[index]!)), `part ${index}`).toBe(0);
    }
    await page.getByRole("cell", { name: "A flower of beads" }).waitFor();
    await page.getByRole("definition").filter({ hasText: /^8$/ }).first().waitFor();
    await status(page, idle).waitFor();
    await page.getByText("Credited by the hub to whom your invite stands for: 8 inputs").waitFor();
    const viewer = await (await newContext()).newPage();
    await viewer.goto(`${pageLink(hub.invite({ role: "viewer" }))}/picture/${job.id}`);
    const image = viewer.getByRole("img", { name: "8 of 8 parts painted by 1 worker" });
    await image.hover();
    await viewer.getByText(/^constance: part \d, [\d.]+ s$/).waitFor();
  });

  test("pause, go on, stop; what was given is there after a reload, and the settings", async () => {
    const hub = await testHub();
    const cluster = await testClient(hub);
    const page = await opened(hub.invite({ role: "worker" }));
    await page.getByLabel("Only while this page can be seen").check();
    await start(page, "kitty");
    await status(page, idle).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await status(page, "Paused").waitFor();
    const job = await cluster.submit(paintPart, parts, picture);
    await page.getByRole("button", { name: "Go on" }).click();
    await job.wait();
    await status(page, idle).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await status(page, "Stopped").waitFor();
    await expect.poll(() => namesAt(hub)).toEqual([]);
    await page.getByRole("button", { name: "Start again" }).click();
    await status(page, idle).waitFor();
    await expect.poll(() => namesAt(hub)).toEqual(["kitty"]);
    await page.reload();
    await page.getByText("This browser has given before").waitFor();
    await expect.poll(() => namesAt(hub)).toEqual([]);
    expect(await page.getByLabel("Name that others see").inputValue()).toBe("kitty");
    expect(await page.getByLabel("Only while this page can be seen").isChecked()).toBe(true);
    await page.getByRole("button", { name: "Start lending" }).click();
    await page.getByText("to this project with this browser").waitFor();
    await page.getByRole("definition").filter({ hasText: /^8$/ }).waitFor();
  });

  test("what an invite's project asks for is said before the button, and a hub that went away is waited for", async () => {
    const hub = await testHub();
    const page = await opened(hub.invite({ role: "worker" }));
    await page.getByText("without the network").waitFor();
    await page.getByText("a tab trusts the hub that serves it").waitFor();
    await start(page, "planchet");
    await status(page, idle).waitFor();
    await hub.close();
    await status(page, "Joining").waitFor();
  });

  test("what asks for more than was agreed to waits for a click, and then runs", async () => {
    const hub = await testHub();
    const cluster = await testClient(hub);
    const page = await opened(hub.invite({ role: "worker" }));
    await start(page, "bazin");
    await status(page, idle).waitFor();
    // A host that lets pages read from it; of others a tab is no use.
    const site = createServer((_request, response) => {
      response.setHeader("Access-Control-Allow-Origin", "*").end("quotes");
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void site.close());
    await once(site, "listening");
    const quotes = `127.0.0.1:${(site.address() as AddressInfo).port}`;
    const job = await cluster.submit(paintPart, parts, { ...picture, net: [quotes] });
    await page.getByText(`asks for ${quotes}`).waitFor();
    expect((await job.status()).done).toBe(0);
    await page.getByRole("button", { name: "Allow" }).click();
    expect(await job.wait()).toMatchObject({ state: "done", failed: 0 });
    await page.getByText(`asks for ${quotes}`).waitFor({ state: "detached" });
  });

  test("an invite that was taken back says whom to ask", async () => {
    const hub = await testHub();
    const link = hub.invite({ role: "worker", label: "milady" });
    const page = await opened(link);
    const admin = await testClient(hub, "admin");
    await admin.call("revoke", { invite: "milady" });
    await page.getByRole("button", { name: "Start lending" }).click();
    await page.getByRole("alert").filter({ hasText: "Ask whoever gave you the link" }).waitFor();
    await page.getByRole("button", { name: "Start again" }).waitFor();
  });

  test("an admin who looks at a picture helps with a tab of the same browser", async () => {
    const hub = await testHub();
    const cluster = await testClient(hub);
    const job = await cluster.submit(paintPart, parts, picture);
    const context = await newContext();
    const page = await context.newPage();
    await page.goto(`${pageLink(hub.invite({ role: "admin" }))}/picture/${job.id}`);
    const opening = context.waitForEvent("page");
    await page.getByRole("button", { name: "Help with a tab of this browser" }).click();
    const tab = await opening;
    await tab.getByRole("button", { name: "Start lending" }).click();
    await page.getByRole("img", { name: "8 of 8 parts painted by 1 worker" }).waitFor();
    await tab.close();
    await expect.poll(() => namesAt(hub)).toEqual([]);
  });

  test.each(["light", "dark"] as const)(
    "axe finds nothing against it on a phone, %s",
    async (colorScheme) => {
      const hub = await testHub();
      const page = await opened(hub.invite({ role: "worker" }), {
        colorScheme,
        viewport: { width: 360, height: 720 },
      });
      const check = async (when: string): Promise<void> => {
        await page.evaluate(checker);
        const found = await page.evaluate(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html, nodes[0].failureSummary]))",
        );
        expect(found, when).toEqual([]);
        expect(await page.evaluate("document.documentElement.scrollWidth"), when).toBeLessThanOrEqual(360);
      };
      await check("before");
      // By the keyboard alone.
      await page.getByRole("button", { name: "Start lending" }).focus();
      await page.keyboard.press("Enter");
      await status(page, idle).waitFor();
      await check("at work");
    },
  );
});
