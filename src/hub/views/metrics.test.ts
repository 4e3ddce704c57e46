import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { networkInterfaces } from "node:os";
import hooks from "node:perf_hooks";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Hub } from "../hub.ts";
import { jobSpec, numbered, ScriptedPeer, testHub } from "../testing/peer.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
}

const get = (hub: Hub, path: string, headers: Record<string, string> = {}, host = "127.0.0.1") =>
  new Promise<Answer>((resolve, reject) => {
    const { port } = new URL(hub.url);
    const outgoing = request({ host, port, path, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    outgoing.on("error", reject).end();
  });

/** Lines of Prometheus' text format, without those of the process. */
const valuesOf = (text: string): Record<string, number> =>
  Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line.startsWith("musketeers_"))
      .map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );

test("metrics tell what the hub does, to this machine", async () => {
  const hub = await testHub();
  const client = await ScriptedPeer.client(hub);
  const worker = await ScriptedPeer.worker(hub, { slots: 2 });
  const spec = jobSpec();
  client.submit(spec, 3, false);
  client.watch(spec.job);
  const lease = await worker.next("lease");
  const failures = [{ at: 0, kind: "error", fingerprint: "Error: no" }] as const;
  const { count } = lease.message;
  worker.report(lease, { failures }, numbered(count));
  await client.next("results");
  const { status, text } = await get(hub, "/metrics");
  expect(status).toBe(200);
  expect(text).toContain("# TYPE musketeers_inputs_done_total counter");
  expect(text).toContain("process_resident_memory_bytes");
  expect(valuesOf(text)).toMatchObject({
    musketeers_inputs_done_total: count,
    musketeers_inputs_failed_total: 1,
    'musketeers_jobs{state="running"}': 1,
    'musketeers_workers{platform="linux/arm64"}': 1,
    musketeers_slots: 2,
    'musketeers_connections{role="submitter"}': 1,
    'musketeers_connections{role="worker"}': 1,
    musketeers_storage_faults: 0,
  });
  const again = valuesOf((await get(hub, "/metrics")).text);
  expect(again.musketeers_inputs_done_total).toBe(count);
});

test("metricsIdleMs: nothing watches the event loop until somebody asks, nor for long after that", async () => {
  let watching = 0;
  const real = hooks.monitorEventLoopDelay;
  const made = vi.spyOn(hooks, "monitorEventLoopDelay").mockImplementation((options) => {
    const histogram = real(options);
    const { enable, disable } = histogram;
    const counted = (change: () => boolean, by: number) => () => {
      const isChanged = change.call(histogram);
      if (isChanged) watching += by;
      return isChanged;
    };
    return Object.assign(histogram, { enable: counted(enable, 1), disable: counted(disable, -1) });
  });
  onTestFinished(() => made.mockRestore());
  const hub = await testHub({ limits: { metricsIdleMs: 40 } });
  expect(made).not.toHaveBeenCalled();
  for (let times = 0; times < 2; times++) {
    const { text } = await get(hub, "/metrics");
    const lag = /^nodejs_eventloop_lag_min_seconds (.+)$/m.exec(text)?.[1];
    expect(Number(lag)).toBeGreaterThan(0);
    expect(Number(lag)).toBeLessThan(3600);
    await expect.poll(() => watching, { timeout: 60_000 }).toBe(0);
  }
  expect(made).toHaveBeenCalledOnce();
  await get(hub, "/metrics");
  await hub.close();
  expect(watching).toBe(0);
});

test("each metric is documented, and each panel of the dashboard has its metric", async () => {
  const hub = await testHub();
  const { text } = await get(hub, "/metrics");
  const names = [...text.matchAll(/^# TYPE (musketeers_\w+)/gm)].map((match) => match[1]!);
  const documented = await readFile(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
  const listed = [...documented.matchAll(/^\| `(musketeers_\w+)/gm)].map((match) => match[1]!);
  expect(listed.toSorted()).toEqual(names.toSorted());
  const dashboard = await readFile(new URL("../../../docs/grafana.json", import.meta.url), "utf8");
  const used = new Set([...dashboard.matchAll(/musketeers_\w+/g)].map(([name]) => name));
  expect([...used].filter((name) => !names.includes(name))).toEqual([]);
});

const outside = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ internal, family }) => !internal && family === "IPv4")?.address;

test.skipIf(outside === undefined)("metrics need a viewer's invite from elsewhere", async () => {
  const hub = await testHub({ listen: "0.0.0.0:0", insecureHttp: true });
  const ask = (invite?: string) => {
    const secret = invite?.split("#")[1];
    return get(hub, "/metrics", secret === undefined ? {} : { authorization: `Bearer ${secret}` }, outside);
  };
  expect((await ask()).status).toBe(401);
  expect((await ask(hub.invite({ role: "worker" }))).status).toBe(401);
  expect((await ask(hub.invite({ role: "viewer", expiresInMs: -1 }))).status).toBe(401);
  expect((await ask((await testHub()).invite({ role: "viewer" }))).status).toBe(401);
  const invite = hub.invite({ role: "viewer", label: "prometheus" });
  expect((await ask(invite)).status).toBe(200);
  const admin = await ScriptedPeer.client(hub, "admin");
  await admin.call("revoke", { invite: "prometheus" });
  expect((await ask(invite)).status).toBe(401);
});

test("a proxy on this machine does not pass for this machine", async () => {
  const hub = await testHub();
  for (const name of ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"]) {
    expect((await get(hub, "/metrics", { [name]: "203.0.113.7" })).status).toBe(401);
  }
});

test("a hub is healthy while it answers, and ready while it can store", async () => {
  const hub = await testHub();
  expect(await get(hub, "/healthz")).toEqual({ status: 200, text: "ok\n" });
  expect(await get(hub, "/readyz")).toEqual({ status: 200, text: "ok\n" });
  const { engine } = hub.coordinator;
  engine.faults = () => [{ text: "No space is left", sinceMs: 1 }];
  expect(await get(hub, "/readyz")).toEqual({ status: 503, text: "No space is left\n" });
  expect((await get(hub, "/healthz")).status).toBe(200);
});
