import { hostname } from "node:os";
import type { Hub } from "../../hub/index.ts";
import type { Endorse } from "../files/endorse.ts";
import type { JoinEvent } from "../joining/join-event.ts";
import { type LocalWorker, slotsOfShare, startLocalWorker } from "../joining/local-workers.ts";
import type { UpOptions } from "./up-options.ts";

/** The operator's own right, kept in the profile. */
export const OWN_INVITE_EXPIRES_MS = 3650 * 24 * 3_600_000;

/** Whoever runs a hub trusts the workers of the same machine. */
export const OWN_WORKERS = { person: "owner", trusted: true } as const;

/** Starts the workers of the hub's own machine. */
export async function startOwnWorkers(
  hub: Hub,
  endorse: Endorse,
  options: UpOptions,
  onEvent: (event: JoinEvent) => void,
): Promise<LocalWorker[]> {
  const { workers, trust, allowNet, join: others, share: shares } = options;
  // Other hubs know this machine by its own name.
  const name = others.length === 0 ? "local" : hostname().slice(0, 48) || "local";
  // A single one finds out by itself what it may have.
  const isShared = workers > 1 && options.slots === undefined;
  const cores = isShared ? (await import("../../worker/node.ts")).machineCores() : 0;
  return Array.from({ length: workers }, (_, index) => {
    const slots = isShared ? slotsOfShare(cores, workers, index) : options.slots;
    return startLocalWorker({
      invite: endorse(
        hub.invite({
          role: "worker",
          expiresInMs: OWN_INVITE_EXPIRES_MS,
          label: "local",
          ephemeral: true,
          ...OWN_WORKERS,
        }),
      ),
      name: workers === 1 ? name : `${name}${index + 1}`,
      others,
      ...(shares === undefined ? {} : { shares }),
      onEvent,
      ...(slots === undefined ? {} : { slots }),
      allowNet,
      ...(trust === undefined ? {} : { trust }),
    });
  });
}
