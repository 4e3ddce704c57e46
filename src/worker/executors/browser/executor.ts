import type { Limits } from "../../../protocol/index.ts";
import type { Executor } from "../port.ts";
import { SandboxProcess } from "../sandbox-process.ts";
import { type Frame, FrameSandbox } from "./frame-sandbox.ts";

export interface BrowserExecutorOptions {
  readonly engineClass: string;
  readonly limits: Limits;
  /** Makes a frame whose worker may reach these hosts and nothing else. */
  readonly openFrame: (net: readonly string[]) => Frame;
}

/** The sandbox of browser tabs: a worker in a frame without an origin, under a policy that denies all but what is granted. */
export function createBrowserExecutor({ engineClass, limits, openFrame }: BrowserExecutorOptions): Executor {
  const sandboxes = new Set<SandboxProcess>();
  return {
    kind: "browser",
    engineClass,
    start(order, handlers) {
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
