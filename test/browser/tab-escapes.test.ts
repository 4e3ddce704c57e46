import { expect, test } from "vitest";
import { testClient, testHub, testSite } from "../support/whole-cluster.ts";
import { openTab } from "./tab.ts";
import { attempt, attemptNames, tamper, untouched } from "./tab-attempts.ts";
import { describeInBrowser } from "./with-browser.ts";

/* What a stranger's task cannot do from a tab. */

describeInBrowser("ways out of a tab", (browser) => {
  test("no way out leads anywhere", async () => {
    const site = await testSite();
    const hub = await testHub();
    const cluster = await testClient(hub);
    const tab = await openTab(browser(), hub, { slots: 2 });
    const targets = { hub: hub.url, site: site.url };
    const escaped: string[] = [];
    for await (const { input, value, error } of cluster.map(
      attempt,
      attemptNames.map((name) => ({ name, ...targets })),
    )) {
      if (value !== undefined || error !== undefined)
        escaped.push(`${input.name}: ${value ?? String(error)}`);
    }
    expect(attemptNames.length).toBeGreaterThan(30);
    expect(escaped).toEqual([]);
    expect(site.asked).toEqual([]);
    expect(new URL(tab.page.url()).origin).toBe(hub.url);
    expect((await tab.state()).phase).not.toBe("refused");
  });

  test("a task that tampers with its sandbox harms itself alone", async () => {
    const hub = await testHub();
    const cluster = await testClient(hub);
    const tab = await openTab(browser(), hub);
    for (const how of ["frames", "lengths", "prototypes", "messages"]) {
      const [outcome] = await cluster.map(tamper, [how]).toArray();
      // Its own answer, or its own end.
      if (outcome!.error === undefined) expect(outcome!.value).toBe(how);
      else expect(outcome!.error.name, how).toMatch(/SandboxCrashed|TimeoutError|Quarantined/);
      expect(await cluster.run(untouched, undefined)).toEqual([2, [2, 3], 4]);
    }
    expect(tab.complaints.filter((line) => !line.includes("Content Security Policy"))).toEqual([]);
    expect(await tab.page.evaluate("Object.keys(Object.prototype).length")).toBe(0);
  });

  test("the frame is without an origin also where somebody opens it by itself, and its hosts are hosts", async () => {
    const hub = await testHub();
    const { headers } = await fetch(`${hub.url}/tab/frame?net=api.example.org,*.example.com:8443`);
    const policy = headers.get("content-security-policy")!;
    expect(policy).toContain("sandbox allow-scripts;");
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/connect-src https:\/\/api\.example\.org:\* .*https:\/\/\*\.example\.com:8443/);
    for (const net of ["*", "x; script-src *", "a'b", "a b", "a,,b", "data:", "\r\nX: y", "x".repeat(3000)]) {
      const { status } = await fetch(`${hub.url}/tab/frame?net=${encodeURIComponent(net)}`);
      expect(status, net).toBe(400);
    }
    const page = await (await browser().newContext()).newPage();
    await page.goto(`${hub.url}/tab/frame`);
    expect(await page.evaluate("self.origin")).toBe("null");
    await page.context().close();
  });
});
