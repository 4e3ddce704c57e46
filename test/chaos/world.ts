import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OutcomeLine } from "./assignment.ts";
import { HubService } from "./hub.ts";
import type { Plan } from "./plan.ts";
import { Relay } from "./relay.ts";
import { type Site, startSite } from "./site.ts";
import { Submitter } from "./submitter.ts";
import { Findings } from "./transcript.ts";
import { Volunteer } from "./volunteer.ts";

const homes = new Set<string>();

/** Removes what rounds that were broken off have left; for a process that exits. */
export function removeHomes(): void {
  for (const home of homes) rmSync(home, { recursive: true, force: true, maxRetries: 3 });
}

/** A hub, workers and clients of a round, each a process of its own, each behind a relay of its own. */
export class World {
  readonly plan: Plan;
  readonly hub: HubService;
  readonly volunteers: Volunteer[] = [];
  readonly submitters: readonly Submitter[];
  readonly findings: Findings;
  readonly #home: string;
  readonly #site: Site;
  readonly #listeners = new Set<(outcome: OutcomeLine) => void>();
  #named = 0;

  private constructor(
    plan: Plan,
    home: string,
    hub: HubService,
    site: Site,
    findings: Findings,
    ways: Relay[],
  ) {
    this.plan = plan;
    this.#home = home;
    this.hub = hub;
    this.#site = site;
    this.findings = findings;
    this.submitters = (["mapper", "submitter"] as const).map(
      (name, at) =>
        new Submitter({
          name,
          home,
          relay: ways[at]!,
          brief: {
            invite: ways[at]!.through(hub.place.submitInvite),
            siteUrl: site.url,
            assignments: plan.assignments.filter(({ client }) => client === name),
          },
          onOutcome: (outcome) => {
            for (const listener of this.#listeners) listener(outcome);
          },
          onTrouble: (trouble) => findings.isWrong(trouble),
        }),
    );
  }

  static async open(plan: Plan): Promise<World> {
    const home = await mkdtemp(join(tmpdir(), "musketeers-chaos-"));
    homes.add(home);
    const findings = new Findings();
    const hubHome = join(home, "hub");
    await mkdir(hubHome);
    const hub = await HubService.start(hubHome, (trouble) => findings.isWrong(trouble));
    const ways = await Promise.all([Relay.start(hub.port), Relay.start(hub.port)]);
    const world = new World(plan, home, hub, await startSite(), findings, ways);
    await Promise.all(Array.from({ length: plan.workers }, () => world.recruit()));
    return world;
  }

  /** A new worker; resolves when it has joined. */
  async recruit(): Promise<Volunteer> {
    const name = `w${++this.#named}`;
    const home = join(this.#home, name);
    await mkdir(home);
    const volunteer = new Volunteer({
      name,
      home,
      invite: this.hub.place.joinInvite,
      slots: this.plan.slots,
      allowNet: new URL(this.#site.url).host,
      relay: await Relay.start(this.hub.port),
    });
    this.volunteers.push(volunteer);
    void volunteer.program.ended.then(({ status, signal }) => {
      this.volunteers.splice(this.volunteers.indexOf(volunteer), 1);
      if (!volunteer.leaving) {
        this.findings.isWrong(
          `${name} ended by itself with ${signal ?? status}: ${volunteer.program.stderr}`,
        );
      }
    });
    await volunteer.joined;
    return volunteer;
  }

  /** Workers that have joined and that nothing is being done to. */
  get idle(): readonly Volunteer[] {
    return this.volunteers.filter(({ busy, leaving }) => !busy && !leaving);
  }

  /** All ways to the hub that are in use. */
  get ways(): readonly { readonly name: string; readonly relay: Relay }[] {
    const clients = this.submitters.filter(({ program }) => program.running);
    return [...this.volunteers.filter(({ leaving }) => !leaving), ...clients];
  }

  /** How much of the round's work has been read. */
  get share(): number {
    const shares = this.submitters.flatMap((submitter) => [...submitter.shares]);
    return shares.reduce((sum, share) => sum + share, 0) / shares.length;
  }

  onOutcome(listener: (outcome: OutcomeLine) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Leaves nothing behind. */
  async close(): Promise<void> {
    for (const { program } of [...this.volunteers, ...this.submitters, this.hub]) program.signal("SIGKILL");
    for (const { relay } of this.submitters) relay.close();
    this.#site.close();
    await rm(this.#home, { recursive: true, force: true, maxRetries: 5 });
    homes.delete(this.#home);
  }
}
