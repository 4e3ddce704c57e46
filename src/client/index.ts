/** What a submitter imports. */
import { fetchWith, openNodeSocket } from "../link/node.ts";
import { tracerFromEnvironment } from "../tracing/index.ts";
import type { Cluster } from "./cluster.ts";
import { type ConnectOptions, connectTo } from "./connect.ts";
import { listPath } from "./datasets/source-path.ts";
import { loadMachineKey } from "./profile/machine-key.ts";
import { findInvite } from "./profile/profile.ts";
import { locateTask } from "./tasks/locate.ts";

export * from "./public.ts";

/**
 * Connects to a hub: the one that is named, else `$MUSKETEERS_HUB`, else the one of the last `musketeers up`
 * or `musketeers login`.
 * @throws MusketeersError `NO_HUB` where none is known; `HUB_UNREACHABLE` after the time-out; where the hub
 * refuses, why.
 */
export async function connect(options: ConnectOptions = {}): Promise<Cluster> {
  const invite = await findInvite(options.hub);
  const machineKey = () => loadMachineKey();
  return connectTo(invite, options, {
    openSocket: openNodeSocket,
    fetchWith,
    loadTask: locateTask,
    listPath,
    machineKey,
    tracer: (limits) => tracerFromEnvironment(process.env, { service: "musketeers-client", limits }),
  });
}
