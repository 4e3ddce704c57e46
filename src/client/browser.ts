/** The client for pages: everything but the bundler and the profiles. */
import { openPlatformSocket } from "../link/index.ts";
import { MusketeersError } from "../protocol/index.ts";
import { browserKey } from "./browser-key.ts";
import type { Cluster } from "./cluster.ts";
import { type ConnectOptions, connectTo } from "./connect.ts";

export * from "./public.ts";

/**
 * Connects to the hub of an invite.
 * @throws MusketeersError as in Node; `NO_HUB` where no invite is given.
 */
export async function connect(options: ConnectOptions = {}): Promise<Cluster> {
  if (options.hub === undefined) {
    throw new MusketeersError("NO_HUB", "No invite was given", { hint: "Write connect({ hub: invite })." });
  }
  return connectTo(options.hub, options, {
    openSocket: openPlatformSocket,
    machineKey: browserKey,
    loadTask: async () => {
      throw new MusketeersError("TASK_UNKNOWN", "A page cannot find the code of a function", {
        hint: "Load tasks in Node with loadTask() and pass the page what it gives.",
      });
    },
  });
}
