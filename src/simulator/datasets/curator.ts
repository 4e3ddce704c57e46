import type { DatasetSummary } from "../../protocol/index.ts";
import { isWithin, unsaidBy } from "../../scheduler/index.ts";
import { ViolationError } from "../checks/violation.ts";
import type { HubScenario } from "../types.ts";
import type { Archive } from "./archive.ts";
import type { Custody } from "./custody.ts";
import type { DatasetPlan } from "./plan.ts";
import type { Shelf } from "./shelf.ts";

/** What became of a dataset, from its owner's side. */
interface Account {
  readonly plan: DatasetPlan;
  /** Forgotten: it was removed, and nobody knows of that any more. */
  state: "to come" | "there" | "removed" | "forgotten" | "lost";
  /** As its row in the catalogue had it. */
  createdAtMs: number;
}

/**
 * Knows which datasets there are to be, and holds the hub and its keepers to it: none is given up that somebody
 * wants, and in the end each is at the hub and on as many keepers as it is to be.
 */
export class Curator {
  readonly #archive: Archive;
  readonly #accounts: readonly Account[];
  /** The least number of keepers that are there for good. */
  readonly #keepersMin: number;
  #lossesToCome: number;
  #lostAtMs = 0;

  /** Its hub's disk is to be damaged until then. */
  readonly #damagedUntilMs: number;

  constructor(
    archive: Archive,
    keepersMin: number,
    { diskLostAtMs = [], damagedAtMs = [] }: HubScenario = {},
  ) {
    this.#archive = archive;
    this.#accounts = archive.plans.map((plan) => ({ plan, state: "to come", createdAtMs: 0 }));
    this.#keepersMin = keepersMin;
    this.#lossesToCome = diskLostAtMs.length;
    this.#damagedUntilMs = Math.max(0, ...damagedAtMs);
  }

  put({ cid }: DatasetPlan): void {
    this.#of(cid).state = "there";
  }

  stateOf({ cid }: DatasetPlan): Account["state"] {
    return this.#of(cid).state;
  }

  removed({ cid }: DatasetPlan, { createdAtMs }: DatasetSummary): void {
    const account = this.#of(cid);
    account.state = "removed";
    account.createdAtMs = createdAtMs;
  }

  wasPut(kind: string): boolean {
    return this.#accounts.every(({ plan, state }) => plan.kind !== kind || state !== "to come");
  }

  /**
   * The hub's disk is gone. What is in a catalogue that any keeper has is to come back, if its blocks are anywhere; the
   * rest is lost rightly.
   */
  hubLost(wallMs: number): void {
    this.#lossesToCome--;
    this.#lostAtMs = wallMs;
    this.#writeOff(new Set());
    this.#forgetRemovals(undefined);
  }

  /** The hub takes a catalogue for news. @throws ViolationError where it is its own, of after its loss */
  adopted(sequence: number): void {
    if (sequence <= this.#lostAtMs) return;
    throw new ViolationError("correctness", "the hub took for news what it has said itself since its loss");
  }

  /** A machine's disk is gone, and perhaps the last catalogue that named something with it. */
  shelfLost(custody: Custody): void {
    this.#writeOff(new Set(custody.rows.map(({ cid }) => cid)));
    this.#forgetRemovals(custody);
  }

  /** A keeper lets a folder go, because a hub with this disk said so. @throws ViolationError */
  dropping(shelf: Shelf, cid: string, generation: number, custody: Custody): void {
    if (this.#of(cid).state !== "there" || custody.generation !== generation) return;
    for (const block of shelf.folders.get(cid) ?? []) {
      if (custody.has(block) || this.#isElsewhere(shelf, block)) continue;
      throw new ViolationError("correctness", `the last copy of a part of ${cid} was given up`);
    }
  }

  /** Datasets in the catalogue of which something is with nobody any more who would be asked for it. */
  beyondHelp(custody: Custody): DatasetPlan[] {
    const named = custody.rows.map(({ cid }) => this.#archive.planOf(cid));
    return named.filter((plan) => this.#isBeyondHelp(plan, custody));
  }

  #isBeyondHelp({ blocks }: DatasetPlan, custody: Custody): boolean {
    const isKept = (block: string) => [...this.#archive.holdersOf(block)].some(({ isTrusted }) => isTrusted);
    return blocks.some((block) => !custody.has(block) && !isKept(block));
  }

  /** Its owner gives it up. */
  givenUp({ cid }: DatasetPlan): void {
    this.#of(cid).state = "lost";
  }

  /** What is not yet as it is to be; undefined: all is well. */
  unsettled(custody: Custody, nowMs: number): string | undefined {
    if (this.#lossesToCome > 0) return "the hub is still to lose its disk";
    if (nowMs < this.#damagedUntilMs) return "the hub's disk is still to be damaged";
    const named = new Set(custody.rows.map(({ cid }) => cid));
    for (const { plan, state } of this.#accounts) {
      const { cid, blocks, replicas, removeMs } = plan;
      if (state === "to come") return `${cid} is still to be put`;
      if (state === "removed" && named.has(cid)) return `${cid} was removed, and is back`;
      if (state !== "there") continue;
      if (removeMs < Number.POSITIVE_INFINITY) return `${cid} is still to be removed`;
      const lacking = blocks.filter((block) => !custody.has(block));
      if (!named.has(cid)) return `${cid} is not in the catalogue`;
      // What others cannot have is no reason to keep them from anything.
      if (this.#isBeyondHelp(plan, custody)) continue;
      if (lacking.length > 0) return `${cid} lacks ${lacking.length} of ${blocks.length} blocks at the hub`;
      const entrusted = [...this.#archive.shelves.values()].filter(({ catalogue }) =>
        catalogue?.datasets.some((row) => row.cid === cid),
      ).length;
      if (entrusted < this.#keepersMin) return `${cid} is in the catalogues of ${entrusted} keepers`;
      const copies = [...this.#archive.shelves.values()].filter(({ whole }) => whole.has(cid)).length;
      if (copies < Math.min(replicas, this.#keepersMin))
        return `${cid} has ${copies} replicas of ${replicas}`;
    }
    return undefined;
  }

  #writeOff(known: ReadonlySet<string>): void {
    const catalogues = [...this.#archive.shelves.values()].flatMap(({ catalogue }) => catalogue ?? []);
    const named = new Set(catalogues.flatMap(({ datasets }) => datasets.map(({ cid }) => cid)));
    for (const account of this.#accounts) {
      const { cid } = account.plan;
      if (account.state === "there" && !named.has(cid) && !known.has(cid)) account.state = "lost";
    }
  }

  /** Of what was removed it may be that neither the hub nor a keeper knows any more: what names it is right then. */
  #forgetRemovals(custody: Custody | undefined): void {
    const said = [...this.#archive.shelves.values()].flatMap(({ catalogue }) => catalogue ?? []);
    const known = said.map((catalogue) => ({ rows: catalogue.datasets, unknown: unsaidBy(catalogue) }));
    if (custody !== undefined) known.push({ rows: custody.rows, unknown: custody.unheard });
    for (const account of this.#accounts) {
      if (account.state !== "removed") continue;
      const { plan, createdAtMs } = account;
      const isKnown = known.some(
        ({ rows, unknown }) => !rows.some(({ cid }) => cid === plan.cid) && !isWithin(unknown, createdAtMs),
      );
      if (!isKnown) account.state = "forgotten";
    }
  }

  #isElsewhere(than: Shelf, block: string): boolean {
    return [...this.#archive.shelves.values()].some((shelf) => shelf !== than && shelf.has(block));
  }

  #of(cid: string): Account {
    return this.#accounts.find(({ plan }) => plan.cid === cid)!;
  }
}
