import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Cluster, connect, type Job } from "../../src/client/index.ts";
import { type Hub, startHub } from "../../src/hub/index.ts";
import type { Role } from "../../src/protocol/index.ts";
import { pageLink } from "./browser.ts";
import { PretendedWorker, pretendedTask } from "./pretend.ts";
import { describeInBrowser } from "./with-browser.ts";

/* The hub's pages in a real browser, on a real hub. */

const checker = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const numbers = (count: number) => Array.from({ length: count }, (_, at) => at);

describeInBrowser("pages", (browser) => {
  let hub: Hub;
  let cluster: Cluster;
  let done: Job;
  let painted: Job;
  const workers: PretendedWorker[] = [];

  beforeAll(async () => {
    hub = await startHub({ listen: "127.0.0.1:0", name: "La Rochelle" });
    for (const machine of [
      { name: "athos", slots: 2 },
      { name: "porthos", slots: 2, failEvery: 50 },
    ]) {
      const invite = hub.invite({ role: "worker", label: machine.name });
      workers.push(await new PretendedWorker(invite, machine).start());
    }
    cluster = await connect({ hub: hub.invite({ role: "submitter", label: "treville" }) });
    done = await cluster.submit(pretendedTask("renderTiles"), numbers(400));
    await done.wait();
    const painter = await brushWorker("aramis").start();
    painted = await cluster.submit(pretendedTask("still life"), numbers(8), stillLife);
    await painted.wait();
    painter.stop();
  }, 120_000);

  afterAll(async () => {
    await cluster?.close();
    for (const worker of workers) worker.stop();
    await hub?.close();
  }, 60_000);

  /** A browser of its own that signed in; what it complains of fails the test. */
  async function signedIn(role: Role, options: Parameters<Browser["newContext"]>[0] = {}): Promise<Page> {
    const context = await browser().newContext({ locale: "en-GB", ...options });
    // Only what hangs is to fail.
    context.setDefaultTimeout(150_000);
    const complaints: string[] = [];
    onTestFinished(async () => {
      await context.close();
      expect(complaints).toEqual([]);
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => void complaints.push(String(error)));
    page.on("request", (request) => {
      if (
        !new URL(request.url()).origin.endsWith(new URL(hub.url).host) &&
        !request.url().startsWith("blob:")
      )
        complaints.push(`asked ${request.url()}`);
    });
    page.on("console", (message) => {
      // Refused by the policy.
      if (/Content Security Policy/.test(message.text())) complaints.push(message.text());
    });
    await page.goto(pageLink(hub.invite({ role, label: `a ${role}` })));
    await page.getByRole("heading", { level: 1, name: "La Rochelle" }).waitFor();
    return page;
  }

  const open = async (page: Page, path: string, heading: string | RegExp): Promise<void> => {
    await page.goto(`${hub.url}/#/${path}`);
    await page.getByRole("heading", { level: 1, name: heading }).waitFor();
  };

  /** A job of eight parts, and who can paint it. */
  const stillLife = { picture: { width: 40, height: 20 }, needs: { labels: ["brush"] } };
  const brushWorker = (name: string) =>
    new PretendedWorker(hub.invite({ role: "worker" }), {
      name,
      description: { labels: ["brush"] },
      value: (input) => ({
        x: 10 * (input % 4),
        y: 10 * Math.floor(input / 4),
        width: 10,
        height: 10,
        pixels: new Uint8Array(300).fill(40 * input),
      }),
    });

  const cookiesOf = (context: BrowserContext) => context.cookies(hub.url);

  /** A job that goes on for as long as its test: no worker of this hub can do it. */
  async function endlessJob(title: string): Promise<Job> {
    const job = await cluster.submit(pretendedTask(title), numbers(10), { needs: { labels: ["moon"] } });
    onTestFinished(async () => void (await job.cancel()));
    return job;
  }

  test("signing in: the secret leaves the address, the cookie is no script's, and it lasts over a reload", async () => {
    const page = await signedIn("viewer");
    expect(new URL(page.url()).hash).toBe("");
    expect(await page.evaluate("document.cookie")).toBe("");
    expect(await cookiesOf(page.context())).toMatchObject([{ httpOnly: true, sameSite: "Strict" }]);
    const kept = await page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])");
    expect(kept).not.toContain("join");
    await page.reload();
    await page.getByRole("heading", { level: 1, name: "La Rochelle" }).waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByText("you need an invite").waitFor();
    expect(await cookiesOf(page.context())).toEqual([]);
  });

  test("an invite that does not serve is refused in words", async () => {
    const page = await browser().newPage();
    onTestFinished(() => page.close());
    await page.goto(`${hub.url}/#nonsense`);
    await page.getByRole("alert").waitFor();
    await page.goto("about:blank");
    await page.goto(pageLink(hub.invite({ role: "worker" })));
    await page.getByRole("heading", { level: 1, name: "Lend this browser" }).waitFor();
  });

  test("the overview is live: machines come and go as tiles", async () => {
    const page = await signedIn("viewer");
    await page.getByRole("link", { name: /^athos.*linux x64/ }).waitFor();
    const late = await new PretendedWorker(hub.invite({ role: "worker" }), { name: "d-artagnan" }).start();
    onTestFinished(() => late.stop());
    const tile = page.getByRole("link", { name: /^d-artagnan/ });
    await tile.waitFor();
    late.stop();
    await tile.waitFor({ state: "detached" });
    await page.getByRole("link", { name: "renderTiles" }).waitFor();
  });

  test("a job: its band, who did it, its errors with stack and input, its results as a file", async () => {
    const page = await signedIn("submitter");
    await open(page, `job/${done.id}`, "renderTiles");
    await page.getByText("done, with failures").waitFor();
    await page.getByRole("img", { name: /^Inputs: 400, done by 2 workers/ }).waitFor();
    await page.getByText("RangeError: no tile at #").click();
    await page.getByText("at render (tasks.ts:41:11)").waitFor();
    await page
      .getByRole("cell", { name: /"shade"/ })
      .first()
      .waitFor();
    for (const [button, lines] of [
      ["JSON lines", 400],
      ["CSV", 401],
    ] as const) {
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: button }).click();
      const file = await (await download).createReadStream();
      const text = Buffer.concat(await file.toArray()).toString();
      expect(text.trim().split("\n").length).toBe(lines);
    }
  });

  test("a picture paints itself before a viewer's eyes, says who painted what, and is there after a reload", async () => {
    const painter = brushWorker("planchet");
    const job = await cluster.submit(pretendedTask("stillLife"), numbers(8), stillLife);
    const page = await signedIn("viewer");
    await open(page, `picture/${job.id}`, "stillLife");
    const shown = (parts: number, who: string) =>
      page.getByRole("img", { name: `stillLife: ${parts} of 8 parts painted by ${who}` });
    await shown(0, "0 workers").waitFor();
    const operator = await signedIn("admin");
    await open(operator, `picture/${job.id}`, "stillLife");
    await operator.getByRole("button", { name: "Show a code for phones" }).click();
    await operator.getByRole("img", { name: "QR code" }).waitFor();
    // Of a hub on loopback, which no phone reaches.
    await operator.getByText("started with --lan").waitFor();
    await painter.start();
    onTestFinished(() => painter.stop());
    await shown(8, "1 worker").waitFor();
    await page.locator(".title .state", { hasText: "done" }).waitFor();
    const colourAt = (x: number, y: number) =>
      page.evaluate(
        `[...document.querySelector(".frame canvas").getContext("2d").getImageData(${x}, ${y}, 1, 1).data]`,
      );
    expect(await colourAt(35, 15)).toEqual([24, 24, 24, 255]);
    expect(await colourAt(15, 5)).toEqual([40, 40, 40, 255]);
    const box = (await shown(8, "1 worker").boundingBox())!;
    await page.mouse.move(box.x + (box.width * 7) / 8, box.y + (box.height * 3) / 4);
    await page.getByText("planchet: part 8").waitFor();
    await page.mouse.move(0, 0);
    await page.getByText("planchet: part 8").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "planchet 8", pressed: false }).click();
    await page.getByRole("button", { name: "planchet 8", pressed: true }).waitFor();
    expect(await page.getByRole("button", { name: "Help" }).count()).toBe(0);
    await page.reload();
    await shown(8, "1 worker").waitFor();
    await open(page, `picture/${done.id}`, "renderTiles");
    await page.getByText("This job paints no picture.").waitFor();
    await open(page, `job/${job.id}`, "stillLife");
    await page.getByRole("link", { name: "Look at the picture" }).click();
    await shown(8, "1 worker").waitFor();
  });

  test("a link may lead to a page, and its secret leaves the address", async () => {
    const context = await browser().newContext();
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(`${pageLink(hub.invite({ role: "viewer" }))}/job/${done.id}`);
    await page.getByRole("heading", { level: 1, name: "renderTiles" }).waitFor();
    expect(new URL(page.url()).hash).toBe(`#/job/${done.id}`);
  });

  test("a job is cancelled, and is known as cancelled at once", async () => {
    const job = await endlessJob("gascony");
    const page = await signedIn("submitter");
    await open(page, `job/${job.id}`, "gascony");
    await page.getByText(/^Waits: /).waitFor();
    page.on("dialog", (dialog) => void dialog.accept());
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator(".title .state", { hasText: "cancelled" }).waitFor();
    expect((await job.status()).state).toBe("cancelled");
  });

  test("a job is paused, let go on, and given another priority", async () => {
    const job = await endlessJob("bearn");
    const page = await signedIn("submitter");
    await open(page, `job/${job.id}`, "bearn");
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText(/^Paused: nothing more of it is begun/).waitFor();
    await page.locator(".title .state", { hasText: "paused" }).waitFor();
    for (const _ of [1, 2]) await page.getByRole("button", { name: "Raise the priority" }).click();
    await page.getByLabel("Priority 2, 4 times the share").waitFor();
    expect(await job.status()).toMatchObject({ paused: true, priority: 2 });
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: "Pause" }).waitFor();
    await page.getByRole("button", { name: "Lower the priority" }).click();
    await page.getByLabel("Priority 1, 2 times the share").waitFor();
    expect(await job.status()).toMatchObject({ paused: false, priority: 1 });
  });

  test("a log goes on while its job does", async () => {
    const page = await signedIn("viewer");
    const job = await cluster.submit(pretendedTask("talker"), numbers(3), { needs: { labels: ["talks"] } });
    await open(page, `job/${job.id}`, "talker");
    await page.getByText("Its tasks have printed nothing").waitFor();
    const description = { labels: ["talks"] };
    const machine = { name: "aramis", prints: "one for all", description };
    const late = await new PretendedWorker(hub.invite({ role: "worker" }), machine).start();
    onTestFinished(() => late.stop());
    await page.getByText("aramis one for all").first().waitFor();
  });

  test("many results go straight to the disk, where the browser can", async () => {
    const job = await cluster.submit(pretendedTask("atlas"), numbers(20_000));
    await job.wait();
    const page = await signedIn("submitter");
    await page.evaluate(`
        window.saved = { name: "", lines: 0, writes: 0, closed: false };
        window.showSaveFilePicker = async ({ suggestedName }) => ({
          createWritable: async () => ({
            write: async (text) => { saved.writes++; saved.lines += text.split("\\n").length - 1; },
            close: async () => { saved.name = suggestedName; saved.closed = true; },
            abort: async () => {},
          }),
        });
      `);
    await page.evaluate(`location.hash = "#/job/${job.id}"`);
    await page.getByRole("heading", { level: 1, name: "atlas" }).waitFor();
    await page.getByRole("button", { name: "CSV" }).click();
    await expect.poll(() => page.evaluate("saved.closed"), { timeout: 150_000 }).toBe(true);
    expect(await page.evaluate("saved")).toMatchObject({ name: `atlas-${job.id}.csv`, lines: 20_001 });
  });

  test("jobs are searched by title, state and error", async () => {
    await endlessJob("picardy");
    const page = await signedIn("viewer");
    await open(page, "jobs", "Jobs");
    await page.getByRole("link", { name: "picardy" }).waitFor();
    await page.getByRole("searchbox").fill("rangeerror");
    await page.getByRole("link", { name: "picardy" }).waitFor({ state: "detached" });
    await page.getByRole("link", { name: "renderTiles" }).waitFor();
    await page.getByLabel("State").selectOption("running");
    await page.getByText("No job is like that.").waitFor();
  });

  test("a worker: what it is and ran; an admin drains it", async () => {
    const late = await new PretendedWorker(hub.invite({ role: "worker" }), { name: "rochefort" }).start();
    onTestFinished(() => late.stop());
    const page = await signedIn("admin");
    await open(page, "workers", "Workers");
    await page.getByRole("link", { name: "rochefort" }).click();
    await page.getByRole("heading", { level: 1, name: "rochefort" }).waitFor();
    await page.getByText("every public host").or(page.getByText("none").first()).first().waitFor();
    page.on("dialog", (dialog) => void dialog.accept());
    await page.getByRole("button", { name: "Drain" }).click();
    await page.getByText("gone", { exact: true }).waitFor();
  });

  test("an admin invites somebody with a QR code, who gets in until the invite is taken back", async () => {
    const page = await signedIn("admin");
    await open(page, "people", "People");
    await page.getByLabel("For whom").fill("constance");
    await page.getByRole("button", { name: "Make an invite" }).click();
    await page.getByRole("img", { name: /QR code/ }).waitFor();
    const link = await page.locator(".made code").innerText();
    const guest = await (await browser().newContext()).newPage();
    onTestFinished(() => guest.context().close());
    await guest.goto(link);
    await guest.getByRole("heading", { level: 1, name: "La Rochelle" }).waitFor();
    page.on("dialog", (dialog) => void dialog.accept());
    const row = page.getByRole("row", { name: /^constance/ });
    await row.getByRole("button", { name: "Revoke" }).click();
    await row.getByText(/^revoked/).waitFor();
    await guest.getByText("you need an invite").waitFor();
  });

  test("a viewer's pages have no buttons that change anything, and the hub refuses what they would do", async () => {
    const job = await endlessJob("artois");
    const page = await signedIn("viewer");
    for (const [path, heading] of [
      [`job/${job.id}`, "artois"],
      ["people", "People"],
      ["workers", "Workers"],
    ] as const) {
      await open(page, path, heading);
      const names = await page.locator("main button").allInnerTexts();
      expect(
        names.filter((name) => /cancel|pause|resume|priority|drain|invite|revoke|csv|json|line/i.test(name)),
      ).toEqual([]);
    }
    // The hub does not rely on that.
    const asViewer = await connect({ hub: hub.invite({ role: "viewer" }) });
    onTestFinished(() => asViewer.close());
    const refused = { code: "FORBIDDEN" };
    await expect(asViewer.call("cancel", { job: job.id })).rejects.toMatchObject(refused);
    await expect(asViewer.call("adjust", { job: job.id, paused: true })).rejects.toMatchObject(refused);
    await expect(asViewer.call("invite", { role: "admin", expiresInMs: 1 })).rejects.toMatchObject(refused);
    await expect(asViewer.call("failure", { job: job.id, fingerprint: "" })).rejects.toMatchObject(refused);
    await expect(asViewer.call("drain", { worker: "athos" })).rejects.toMatchObject(refused);
  });

  test("over TLS the cookie is sent over TLS only", async () => {
    const safe = await startHub({ listen: "127.0.0.1:0", name: "Safe", tls: "own" });
    onTestFinished(() => safe.close());
    // A key of the hub's own is not known to browsers: people have to accept it.
    const context = await browser().newContext({ ignoreHTTPSErrors: true });
    context.setDefaultTimeout(150_000);
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(pageLink(safe.invite({ role: "viewer" })));
    await page.getByRole("heading", { level: 1, name: "Safe" }).waitFor();
    expect(await context.cookies(safe.url)).toMatchObject([
      { httpOnly: true, sameSite: "Strict", secure: true },
    ]);
  });

  test("an empty hub says what to do next", async () => {
    const empty = await startHub({ listen: "127.0.0.1:0", name: "Empty" });
    onTestFinished(() => empty.close());
    const context = await browser().newContext({ permissions: ["clipboard-read", "clipboard-write"] });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(pageLink(empty.invite({ role: "admin" })));
    await page.getByRole("button", { name: "Make the line that adds one" }).click();
    await page.getByRole("button", { name: "Copy the line that adds a worker" }).click();
    await page.getByText("Copied").waitFor();
    expect(await page.evaluate("navigator.clipboard.readText()")).toContain("/musketeers.tgz join");
    await page.getByText("No job yet.").waitFor();
  });

  const paths = ["overview", "jobs", "job", "picture", "workers", "resources", "data", "people"] as const;
  const pathOf = (name: (typeof paths)[number]) =>
    name === "job" ? `job/${done.id}` : name === "picture" ? `picture/${painted.id}` : name;

  test("on a phone nothing is wider than the screen", async () => {
    const page = await signedIn("admin", { viewport: { width: 360, height: 720 } });
    for (const name of paths) {
      await open(page, pathOf(name), /./);
      await page.locator(".figures, .empty, table, .form, .painters li").first().waitFor();
      const width = await page.evaluate("document.documentElement.scrollWidth");
      expect(width, name).toBeLessThanOrEqual(360);
    }
  });

  test.each(["light", "dark"] as const)("axe finds nothing against the pages, %s", async (colorScheme) => {
    const page = await signedIn("admin", { colorScheme });
    for (const name of paths) {
      await open(page, pathOf(name), /./);
      await page.locator(".figures, .empty, table, .form, .painters li").first().waitFor();
      await page.evaluate(checker);
      const found = await page.evaluate(
        "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html, nodes[0].failureSummary]))",
      );
      expect(found, name).toEqual([]);
    }
  });

  test("pages are reached and left by the keyboard alone", async () => {
    const page = await signedIn("viewer");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("content");
    await page.getByRole("link", { name: "Jobs", exact: true }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Jobs" }).waitFor();
  });
});
