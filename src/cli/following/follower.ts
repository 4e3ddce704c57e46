import { type ChildProcess, fork } from "node:child_process";
import { setTimeout as after } from "node:timers/promises";
import { type Limits, toMusketeersError } from "../../protocol/index.ts";
import type { Release } from "../../security/index.ts";
import type { JoinEvent, ReleaseEvent } from "../joining/join-event.ts";
import { askToLeave, INVITE_VARIABLE } from "../joining/local-workers.ts";
import { type StopSignal, signalStatus } from "../stop.ts";
import { type Digest, Keeper, type KeeperEvent, type KeeperInstruction } from "./keeper.ts";
import { KEPT_VARIABLE, type LeaveMessage } from "./messages.ts";
import { type Current, hex, type Releases } from "./releases.ts";

type FollowerLimits = Pick<Limits, "releaseCheckIntervalMs" | "releaseSpreadMs" | "releaseGraceMs">;

export interface FollowerOptions {
  readonly invite: string;
  /** The worker's command line. */
  readonly args: readonly string[];
  readonly releases: Pick<Releases, "announced" | "install" | "keep">;
  /** What ran last, and the newest word of the hub that was heard. */
  readonly current: Current;
  /** The program of a release, to be run by Node. */
  readonly programOf: (digest: Digest) => string;
  readonly limits: FollowerLimits;
  /** A number from 0 up to 1. */
  readonly random: () => number;
  /** Aborts when it is over. */
  readonly signal: AbortSignal;
  readonly onEvent: (event: ReleaseEvent) => void;
  /** Told the exit status of a worker that is not started again. */
  readonly onEnd: (status: number) => void;
}

/** Keeps a worker running as the version that its hub hands out. */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #keeper: Keeper;
  readonly #versions = new Map<Digest, string>();
  readonly #offers = new Map<Digest, Release>();
  #child: ChildProcess | undefined;
  #asking = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#keeper = new Keeper(options.current.digest, options.current.sequence);
  }

  begin(): void {
    this.#start(this.#keeper.running);
    void this.#askNowAndThen();
  }

  /** The first signal lets the worker leave. */
  stop(signal: StopSignal): void {
    this.#handle({ type: "Stopped" });
    // The terminal's Ctrl-C reaches the worker, too, which leaves it to its keeper.
    if (this.#child === undefined) this.#options.onEnd(signalStatus(signal));
    else askToLeave(this.#child, process.platform);
  }

  /** The second one ends it. */
  kill(): void {
    this.#child?.kill("SIGTERM");
  }

  #handle(event: KeeperEvent): void {
    for (const instruction of this.#keeper.handle(event)) this.#perform(instruction);
  }

  #perform(instruction: KeeperInstruction): void {
    switch (instruction.type) {
      case "Ask":
        void this.#ask();
        break;
      case "Install":
        void this.#install(instruction.digest);
        break;
      case "LetLeave":
        this.#letLeave();
        break;
      case "Start":
        this.#options.onEvent({
          event: instruction.why === "new" ? "updated" : "went-back",
          version: this.#versions.get(instruction.digest) ?? "",
        });
        this.#start(instruction.digest);
        break;
      case "End":
        this.#options.onEnd(instruction.status);
        break;
    }
  }

  #letLeave(): void {
    const message: LeaveMessage = { type: "leave", graceMs: this.#options.limits.releaseGraceMs };
    const child = this.#child;
    if (child?.connected) child.send(message, () => {});
    else if (child !== undefined) askToLeave(child, process.platform);
  }

  #start(digest: Digest): void {
    const { args, invite, programOf } = this.#options;
    const child = fork(programOf(digest), args, {
      env: { ...process.env, [INVITE_VARIABLE]: invite, [KEPT_VARIABLE]: "1" },
      execArgv: [],
      stdio: ["inherit", "inherit", "inherit", "ipc"],
    });
    this.#child = child;
    child.on("message", (event: JoinEvent) => this.#heard(event));
    // That it could not even be started is told by its end.
    child.on("error", () => {});
    let over = false;
    const end = (status: number) => {
      if (over) return;
      over = true;
      if (this.#child === child) this.#child = undefined;
      this.#handle({ type: "Ended", status });
    };
    child.once("exit", (code, signal) => end(code ?? signalStatus((signal ?? "SIGTERM") as StopSignal)));
    child.once("error", () => end(70));
  }

  #heard({ event }: JoinEvent): void {
    if (event === "joined") {
      this.#handle({ type: "Joined" });
      const { running: digest, sequence } = this.#keeper;
      this.#options.releases.keep({ digest, sequence }).catch((error: unknown) => this.#stays(error));
    }
    // The hub may have been started again as another version. So may those of all others.
    if (event === "reconnected") void this.#askSoon();
  }

  async #askSoon(): Promise<void> {
    await this.#pause(this.#options.random() * this.#options.limits.releaseSpreadMs);
    await this.#ask();
  }

  async #askNowAndThen(): Promise<void> {
    await this.#ask();
    while (!this.#options.signal.aborted) {
      await this.#pause(
        this.#options.limits.releaseCheckIntervalMs +
          this.#options.random() * this.#options.limits.releaseSpreadMs,
      );
      await this.#ask();
    }
  }

  async #pause(ms: number): Promise<void> {
    await after(ms, undefined, { signal: this.#options.signal, ref: false }).catch(() => {});
  }

  async #ask(): Promise<void> {
    if (this.#asking || this.#options.signal.aborted) return;
    this.#asking = true;
    try {
      const release = await this.#options.releases.announced();
      const digest = hex(release.digest);
      this.#versions.set(digest, release.version);
      this.#offers.set(digest, release);
      this.#asking = false;
      this.#handle({ type: "Announced", digest, sequence: release.sequence });
    } catch (error) {
      this.#asking = false;
      if (toMusketeersError(error).code !== "HUB_UNREACHABLE") this.#stays(error);
      this.#handle({ type: "NotAnnounced" });
    }
  }

  async #install(digest: Digest): Promise<void> {
    const release = this.#offers.get(digest)!;
    try {
      this.#options.onEvent({ event: "updating", version: release.version });
      await this.#options.releases.install(release);
      this.#handle({ type: "Installed", digest });
    } catch (error) {
      this.#stays(error);
      this.#handle({ type: "NotInstalled", digest });
    }
  }

  #stays(error: unknown): void {
    if (this.#options.signal.aborted) return;
    const { code, message, hint } = toMusketeersError(error);
    this.#options.onEvent({ event: "not-updated", code, message, hint });
  }
}
