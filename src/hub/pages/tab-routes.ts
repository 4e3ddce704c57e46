import { createHash } from "node:crypto";
import type { Context, Hono } from "hono";
import { isHostPattern, MusketeersError } from "../../protocol/index.ts";

/*
 * What a browser tab loads that works for the hub: the agent's program, the program of its sandboxes, and the frame
 * that tasks run in. That frame has no origin, also where somebody opens it by itself; all that it may do is to start
 * one worker from a `data:` address, which inherits this policy, and that may reach the hosts in the query.
 */

const NET_MAX = 64;
/** A frame stays good while its hub is away; its address names the version. */
const FRAME_CACHE = "private, max-age=86400";

const SCRIPT = `
let started = false;
addEventListener("message", ({ source, data, ports }) => {
  if (source !== parent || started) return;
  started = true;
  const fail = () => parent.postMessage("failed", "*");
  try {
    const worker = new Worker(data, { type: "module" });
    worker.onerror = fail;
    worker.postMessage(0, [ports[0]]);
  } catch {
    fail();
  }
});
parent.postMessage("ready", "*");
`;

const FRAME = `<!doctype html><meta charset="utf-8"><title>A task</title><script>${SCRIPT}</script>`;
const SCRIPT_HASH = createHash("sha256").update(SCRIPT).digest("base64");

/** What a task's frame may do; see W3C Content Security Policy Level 3. */
export function framePolicy(net: readonly string[]): string {
  const hosts = net.flatMap((host) =>
    ["https", "http", "wss", "ws"].map((scheme) => `${scheme}://${source(host)}`),
  );
  return [
    "sandbox allow-scripts",
    "default-src 'none'",
    // The worker's own code comes by `data:`, the task's by `blob:`.
    `script-src 'sha256-${SCRIPT_HASH}' 'unsafe-eval' 'wasm-unsafe-eval' blob:`,
    "worker-src data:",
    `connect-src ${hosts.length === 0 ? "'none'" : hosts.join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
  ].join("; ");
}

/** A granted host covers each of its ports, unless it names one. */
const source = (host: string): string => (/:\d+$/.test(host) ? host : `${host}:*`);

function hostsIn(query: string): readonly string[] {
  const hosts = query === "" ? [] : query.split(",");
  // Whatever goes into a header has to be nothing but a host.
  const isHost = (host: string) => isHostPattern(host) && /^(\*\.)?[\w.:[\]-]{1,260}$/.test(host);
  if (hosts.length > NET_MAX || !hosts.every(isHost)) {
    throw new MusketeersError("BAD_ARGUMENT", "net is no list of hosts");
  }
  return hosts;
}

function getFrame(context: Context): Response {
  const policy = framePolicy(hostsIn(context.req.query("net") ?? ""));
  return context.body(FRAME, 200, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": policy,
    "Cache-Control": FRAME_CACHE,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), usb=(), serial=(), hid=(), midi=()",
  });
}

/** To be added before the pages, which the programs are served among. */
export function addTabRoutes(app: Hono): void {
  app.get("/tab/frame", getFrame);
}
