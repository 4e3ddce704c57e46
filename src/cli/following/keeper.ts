/*
 * A worker that follows its hub's version is two processes: one that works, of some release of the program, and the
 * one that keeps it, which asks the hub what it hands out, fetches it, and starts the worker again. What the keeper
 * decides is here, without processes, clock or network: events in, instructions out.
 */

/** SHA-256 of a release, in hexadecimal. */
export type Digest = string;

export type KeeperEvent =
  /** The hub said, signed, what it hands out. */
  | { readonly type: "Announced"; readonly digest: Digest; readonly sequence: number }
  /** It could not be asked, or said nothing that counts. */
  | { readonly type: "NotAnnounced" }
  | { readonly type: "Installed"; readonly digest: Digest }
  | { readonly type: "NotInstalled"; readonly digest: Digest }
  /** The worker has joined. */
  | { readonly type: "Joined" }
  | { readonly type: "Ended"; readonly status: number }
  /** Whoever started this wants it to end. */
  | { readonly type: "Stopped" };

export type KeeperInstruction =
  | { readonly type: "Ask" }
  | { readonly type: "Install"; readonly digest: Digest }
  /** Lets the worker finish what it has, and end. */
  | { readonly type: "LetLeave" }
  | { readonly type: "Start"; readonly digest: Digest; readonly why: "new" | "back" }
  | { readonly type: "End"; readonly status: number };

/** Where the worker is: `lost` has ended by itself, and the hub is asked whether it hands out another one. */
type Worker = "works" | "leaves" | "lost";

/** Decides for one worker and its hub. */
export class Keeper {
  #worker: Worker = "works";
  #running: Digest;
  /** What to go back to while the running one has not joined yet. */
  #before: Digest | undefined;
  #installing: Digest | undefined;
  #next: Digest | undefined;
  #stopping = false;
  #lostWith = 0;
  #sequence = 0;
  readonly #bad = new Set<Digest>();

  /** @param sequence of the newest word of the hub that was heard before */
  constructor(running: Digest, sequence = 0) {
    this.#running = running;
    this.#sequence = sequence;
  }

  get running(): Digest {
    return this.#running;
  }

  get sequence(): number {
    return this.#sequence;
  }

  handle(event: KeeperEvent): readonly KeeperInstruction[] {
    switch (event.type) {
      case "Announced":
        return this.#announced(event.digest, event.sequence);
      case "NotAnnounced":
        return this.#nothingNew();
      case "Installed":
        return this.#installed(event.digest);
      case "NotInstalled":
        if (this.#installing === event.digest) this.#installing = undefined;
        return this.#nothingNew();
      case "Joined":
        this.#before = undefined;
        return [];
      case "Ended":
        return this.#ended(event.status);
      case "Stopped":
        this.#stopping = true;
        return this.#worker === "lost" ? [{ type: "End", status: this.#lostWith }] : [];
    }
  }

  #announced(digest: Digest, sequence: number): readonly KeeperInstruction[] {
    // What was said earlier may be replayed by whoever is in between.
    const isOld = sequence < this.#sequence;
    if (!isOld) this.#sequence = sequence;
    if (isOld || digest === this.#running || this.#bad.has(digest)) return this.#nothingNew();
    if (this.#stopping || this.#installing !== undefined || this.#next === digest) return [];
    this.#installing = digest;
    return [{ type: "Install", digest }];
  }

  #installed(digest: Digest): readonly KeeperInstruction[] {
    if (this.#installing !== digest) return [];
    this.#installing = undefined;
    if (this.#stopping) return [];
    this.#next = digest;
    if (this.#worker === "lost") return this.#replace();
    if (this.#worker === "leaves") return [];
    this.#worker = "leaves";
    return [{ type: "LetLeave" }];
  }

  #ended(status: number): readonly KeeperInstruction[] {
    if (this.#stopping) return [{ type: "End", status }];
    if (this.#next !== undefined) return this.#replace();
    if (this.#before !== undefined) return this.#goBack(this.#before);
    this.#worker = "lost";
    this.#lostWith = status;
    return this.#installing === undefined ? [{ type: "Ask" }] : [];
  }

  #replace(): readonly KeeperInstruction[] {
    const next = this.#next!;
    this.#next = undefined;
    this.#before = this.#running;
    this.#running = next;
    this.#worker = "works";
    return [{ type: "Start", digest: next, why: "new" }];
  }

  /** It ended before it had joined: the one before did better. */
  #goBack(before: Digest): readonly KeeperInstruction[] {
    this.#bad.add(this.#running);
    this.#running = before;
    this.#before = undefined;
    this.#worker = "works";
    return [{ type: "Start", digest: before, why: "back" }];
  }

  /** A worker that ended by itself has to, where there is no other version to try. */
  #nothingNew(): readonly KeeperInstruction[] {
    if (this.#worker !== "lost" || this.#installing !== undefined) return [];
    return [{ type: "End", status: this.#lostWith }];
  }
}
