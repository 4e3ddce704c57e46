import type { Hub } from "../../hub/index.ts";
import { parseInvite } from "../../security/index.ts";
import type { Context } from "../context.ts";
import { type Endorse, openOwner } from "../files/endorse.ts";
import { lendProfile } from "../files/profile.ts";
import { RunningNotes } from "../files/running-note.ts";
import { writeInvite } from "../files/written-invite.ts";
import { renderEvent } from "../joining/join-reporter.ts";
import type { LocalWorker } from "../joining/local-workers.ts";
import type { Stopper } from "../stop.ts";
import { OWN_INVITE_EXPIRES_MS, OWN_WORKERS, startOwnWorkers } from "./own-workers.ts";
import type { UpOptions } from "./up-options.ts";

/** With --write-invite: what machines of the same owner join with. */
async function leaveInvite(
  hub: Hub,
  endorse: Endorse,
  { writeInvite: file, inviteUrl, allowNet }: UpOptions,
  hubKey: Uint8Array,
  now: number,
): Promise<void> {
  if (file === undefined) return;
  const asks = { net: allowNet, memoryBytes: 0 };
  const terms = {
    role: "worker",
    expiresInMs: OWN_INVITE_EXPIRES_MS,
    label: "written",
    ...OWN_WORKERS,
  } as const;
  await writeInvite({
    file,
    hubKey,
    url: inviteUrl ?? hub.url,
    now,
    make: () => endorse(hub.invite(terms), asks),
    fits: ({ endorsement }) => JSON.stringify(endorsement?.asks) === JSON.stringify(asks),
  });
}

/** A hub whose own workers cannot work is of no use to whoever asked for them. */
async function allJoined(workers: readonly LocalWorker[], stopper: Stopper): Promise<void> {
  await Promise.race([Promise.all(workers.map(({ joined }) => joined)), stopper.stopped]);
}

/** What belongs to a hub on the machine where `up` runs it: its operator's rights and profile, its workers, a note of it. */
export class Household {
  readonly #hub: Hub;
  readonly #options: UpOptions;
  readonly #context: Context;
  readonly #stopper: Stopper;
  #workers: readonly LocalWorker[] = [];
  /** What is to be done at the end, the last thing first. */
  readonly #endings: (() => Promise<void>)[] = [];

  constructor(hub: Hub, options: UpOptions, context: Context, stopper: Stopper) {
    this.#hub = hub;
    this.#options = options;
    this.#context = context;
    this.#stopper = stopper;
  }

  get workers(): number {
    return this.#workers.length;
  }

  /**
   * Resolves when the workers are in and the operator's commands find the hub.
   * @returns what makes the invites of this machine's owner
   * @throws MusketeersError `BAD_ARGUMENT`, `STORAGE`; what a worker ends with
   */
  async moveIn(): Promise<Endorse> {
    const [hub, options] = [this.#hub, this.#options];
    const { terminal, errStyle } = this.#context;
    const terms = { expiresInMs: OWN_INVITE_EXPIRES_MS, label: "operator", ephemeral: true } as const;
    const own = hub.invite({ role: "admin", ...terms });
    const { hubKey } = parseInvite(own);
    const { endorse, forget } = await openOwner(parseInvite(own), terminal.env);
    this.#endings.push(async () => {
      await Promise.all(this.#workers.map((worker) => worker.stop()));
    });
    // Its hub key is gone with it.
    if (options.memory) this.#endings.push(forget);
    this.#workers = await startOwnWorkers(hub, endorse, options, (event) => {
      // How they fare at this hub its operator sees anyway.
      if (!("url" in event) || event.url === hub.url || this.#stopper.signal.aborted) return;
      terminal.err(`${errStyle.dim("elsewhere:")} ${renderEvent(event, errStyle)}`);
    });
    const notes = new RunningNotes(terminal.env);
    this.#endings.push(() => notes.remove());
    notes.say({ kind: "hub", port: hub.port, tls: hub.tls });
    await leaveInvite(hub, endorse, options, hubKey, terminal.now());
    await allJoined(this.#workers, this.#stopper);
    this.#endings.push(
      await lendProfile(options.name, endorse(own), hub.url, (trouble) => this.#warn(trouble)),
    );
    return endorse;
  }

  /** Says so where a worker ends before the hub does. */
  watch(): void {
    for (const { name, ended } of this.#workers) {
      void ended.then(() => {
        if (!this.#stopper.signal.aborted) this.#warn(`the worker ${name} has ended`);
      });
    }
  }

  /** Ends the workers at once. */
  kill(): void {
    for (const worker of this.#workers) worker.kill();
  }

  /** Takes everything back. */
  async moveOut(): Promise<void> {
    for (const end of this.#endings.splice(0).reverse()) await end();
  }

  #warn(trouble: string): void {
    const { terminal, errStyle } = this.#context;
    terminal.err(`${errStyle.bad("warning:")} ${trouble}\n`);
  }
}
