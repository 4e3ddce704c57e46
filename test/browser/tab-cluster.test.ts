import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { connect } from "../../src/client/index.ts";
import type { Hub } from "../../src/hub/index.ts";
import { endorseInvite, newSecretKey, publicKeyOf, signCertificate } from "../../src/security/index.ts";
import { testClient, testHub, testWorker } from "../support/whole-cluster.ts";
import { browserPath, launchBrowser } from "./browser.ts";
import { openTab } from "./tab.ts";
import { engine, mix, readLines, sines, visit } from "./tab-tasks.ts";
import { describeInBrowser } from "./with-browser.ts";

/* What a cluster does with tabs: whose code they run, what they may reach, whose answers theirs are compared with. */

/** A name that is no loopback address to the browser, so that its pages have no `crypto.subtle`. */
const PLAIN_HOST = "hub.test";

function signal(pid: number, name: "SIGSTOP" | "SIGCONT"): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** A site that lets pages read from it, or not. */
async function testSite(allowed: boolean): Promise<{ host: string; url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(200, allowed ? { "Access-Control-Allow-Origin": "*" } : {});
    response.end("content");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, url: `http://${host}/`, asked };
}

describeInBrowser(
  "tabs of a cluster",
  (browser) => {
    /** Invites of a project that its owner signs. */
    function signed(hub: Hub) {
      const rootKey = newSecretKey();
      const projectKey = publicKeyOf(rootKey);
      const secretKey = newSecretKey();
      const certificate = signCertificate(
        {
          publicKey: publicKeyOf(secretKey),
          project: "default",
          notAfterMs: Number.MAX_SAFE_INTEGER,
          label: "ana",
          serial: "1",
        },
        rootKey,
      );
      const asks = { net: [], memoryBytes: 0 };
      return {
        worker: endorseInvite(hub.invite({ role: "worker" }), { projectKey, asks }),
        submitter: endorseInvite(hub.invite({ role: "submitter" }), {
          projectKey,
          asks,
          signer: { certificate, secretKey },
        }),
      };
    }

    test("without HTTPS, too, a tab checks who signed the code, and runs nobody else's", async () => {
      const hub = await testHub();
      const invites = signed(hub);
      const address = hub.url.replace("127.0.0.1", PLAIN_HOST);
      const tab = await openTab(browser(), hub, { invite: invites.worker }, address);
      expect(await tab.page.evaluate("[isSecureContext, typeof crypto.subtle]")).toEqual([
        false,
        "undefined",
      ]);
      const ana = await connect({ hub: invites.submitter });
      onTestFinished(() => ana.close());
      expect(await ana.run(mix, 7)).toEqual(mix(7));
      expect((await tab.until("state.jobs.length > 0")).jobs).toMatchObject([
        { task: "mix", submitter: "ana" },
      ]);
      // The hub takes a submitter's job that no owner of the project certified; the tab does not.
      const stranger = await testClient(hub);
      const job = await stranger.submit(mix, [8]);
      await expect
        .poll(async () => (await job.status()).waiting)
        .toMatch(/no submitter of its project signed/);
      await job.cancel();
    });

    test("a tab reads every member of a gzip file", async () => {
      const hub = await testHub();
      const cluster = await testClient(hub);
      await openTab(browser(), hub);
      const file = await cluster.put(Buffer.concat([gzipSync("one\ntwo\n"), gzipSync("three\n")]));
      expect(await cluster.run(readLines, file)).toEqual(["one", "two", "three"]);
    });

    test("what a later bundle asks for is asked of the volunteer, and hosts that refuse pages are left to others", async () => {
      const open = await testSite(true);
      const closed = await testSite(false);
      const other = await testSite(true);
      const hub = await testHub();
      const cluster = await testClient(hub);
      const tab = await openTab(browser(), hub);
      const job = await cluster.submit(visit, [open.url], { net: [open.host] });
      const { requests } = await tab.until("state.requests.length > 0");
      expect(requests).toMatchObject([{ task: "visit", net: [open.host] }]);
      expect(open.asked).toEqual([]);
      await tab.run(`tab.grant(${JSON.stringify(requests[0])})`);
      for await (const { value } of job.results()) expect(value).toBe("content");
      expect((await tab.until("state.phase === 'waiting'")).requests).toEqual([]);
      // Nothing else is reached with it.
      const elsewhere = await cluster.map(visit, [other.url], { net: [open.host], retries: 0 }).toArray();
      expect(elsewhere[0]!.error!.name).toBe("TypeError");
      expect(other.asked).toEqual([]);
      // A host that does not let pages read from it is of no use here, and is not asked for again.
      await tab.run(`tab.grant({ net: [${JSON.stringify(closed.host)}], memoryBytes: 0 })`);
      const later = await cluster.submit(visit, [closed.url], { net: [closed.host] });
      await expect.poll(async () => (await later.status()).waiting).toMatch(/allows net access/);
      await testWorker(hub, { allowNet: [closed.host] });
      for await (const { value } of later.results()) expect(value).toBe("content");
      expect((await tab.state()).requests).toEqual([]);
    });

    test("answers with Math.sin are compared within one engine, deterministic ones across all", async () => {
      const hub = await testHub({ limits: { provenStreakMin: 2 } });
      const cluster = await testClient(hub);
      const people = (...names: string[]) => names.map((person) => hub.invite({ role: "worker", person }));
      const tabs = await Promise.all(
        people("ada", "bob").map((invite) => openTab(browser(), hub, { invite })),
      );
      await Promise.all(people("cleo", "dora").map((invite) => testWorker(hub, { invite })));
      for (const tab of tabs) await tab.until("state.phase === 'waiting'");
      const canaries = [1_001, 1_002, 1_003, 1_004].map((input) => ({ input, value: mix(input) }));
      const quorum = { agree: 2, of: 3, adaptive: false };
      const mixed = await cluster
        .map(
          mix,
          Array.from({ length: 12 }, (_, at) => at),
          { quorum, canaries, deterministic: true },
        )
        .toArray();
      for (const { input, value } of mixed) expect(value).toEqual(mix(input));
      await expect.poll(async () => (await cluster.people()).filter(({ proven }) => proven).length).toBe(4);
      const answers = await cluster
        .map(
          sines,
          Array.from({ length: 16 }, (_, at) => at),
          { quorum },
        )
        .toArray();
      expect(answers.filter(({ error }) => error !== undefined)).toEqual([]);
      for (const { input, value } of answers)
        expect(Math.abs(value![0]! - sines(input)[0]!)).toBeLessThan(1e-9);
      expect((await cluster.people()).map(({ invalid }) => invalid)).toEqual([0, 0, 0, 0]);
    });

    test("a tab that sleeps loses its lease, and what it says late does no harm", async () => {
      const sleeper = await launchBrowser(browserPath()!);
      onTestFinished(() => sleeper.close());
      const hub = await testHub({ limits: { leaseTtlMs: 4_000, heartbeatIntervalMs: 500 } });
      const cluster = await testClient(hub);
      const tab = await openTab(sleeper, hub);
      const system = await sleeper.newBrowserCDPSession();
      const job = await cluster.submit(engine, new Array<number>(10).fill(200));
      await expect.poll(async () => (await job.status()).done).toBeGreaterThan(0);
      await tab.until("state.running.length > 0");
      const { processInfo } = await system.send("SystemInfo.getProcessInfo");
      const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
      // One that was kept in reserve may be gone by now.
      const stopped = renderers.filter((pid) => signal(pid, "SIGSTOP"));
      expect(stopped.length).toBeGreaterThan(0);
      try {
        await testWorker(hub);
        const engines: unknown[] = [];
        for await (const { index, value } of job.results()) {
          expect(engines[index]).toBe(undefined);
          engines[index] = value;
        }
        expect(new Set(engines)).toEqual(new Set(["browser", "deno"]));
      } finally {
        for (const pid of stopped) signal(pid, "SIGCONT");
      }
      await tab.until("state.phase === 'waiting'");
      const needs = { platform: "browser" };
      expect(await cluster.run(engine, 1, { needs })).toBe("browser");
      expect(await job.status()).toMatchObject({ state: "done", done: 10, failed: 0 });
    });
  },
  [`--host-resolver-rules=MAP ${PLAIN_HOST} 127.0.0.1`],
);
