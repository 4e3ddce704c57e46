import { type Limits, MusketeersError } from "../../../protocol/index.ts";
import type { Executor } from "../port.ts";
import { SandboxProcess } from "../sandbox/sandbox-process.ts";
import { type Frame, FrameSandbox } from "./frame-sandbox.ts";

export interface BrowserExecutorOptions {
  readonly engineClass: string;
  readonly limits: Limits;
  /** Makes a frame whose worker may reach these hosts and nothing else. */
  readonly openFrame: (net: readonly string[]) => Frame;
}

/** As the bundler writes it, which leaves these to the runtime. */
const NODE_IMPORT = /^import\s(?:[^;"']*\sfrom\s)?"(node:[\w/]+)"/m;

/** @throws MusketeersError `GRANT_REFUSED` where the code needs what no browser has: others may have it */
function requireForBrowsers(code: Uint8Array): void {
  const missing = NODE_IMPORT.exec(new TextDecoder().decode(code))?.[1];
  if (missing === undefined) return;
  throw new MusketeersError("GRANT_REFUSED", `The task imports ${missing}, which browsers do not have`);
}

/** The sandbox of browser tabs: a worker in a frame without an origin, under a policy that denies all but what is granted. */
export function createBrowserExecutor({ engineClass, limits, openFrame }: BrowserExecutorOptions): Executor {
  const sandboxes = new Set<SandboxProcess>();
  return {
    kind: "browser",
    engineClass,
    start(order, handlers) {
      requireForBrowsers(order.code);
      const spawned = new FrameSandbox(openFrame(order.task.net), limits.tabHeldBytesMax);
      const sandbox = new SandboxProcess(spawned, order, handlers, limits);
      sandboxes.add(sandbox);
      void sandbox.gone.then(() => sandboxes.delete(sandbox));
      return sandbox;
    },
    async close() {
      await Promise.all([...sandboxes].map((sandbox) => sandbox.kill()));
    },
  };
}
