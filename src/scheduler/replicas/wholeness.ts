/** Of what is not whole: how many blocks were seen to be missing, and since when, in milliseconds since 1970. */
export interface Lack {
  readonly blocks: number;
  readonly sinceMs: number;
}

/**
 * What a hub knows of its folders: which of them it has with all their blocks. Of one that it does not it
 * must be careful with what others keep, and of folders that it does not know as well, as long as anything is lacking: the
 * same block may be in both.
 */
export class Wholeness {
  readonly #roots: () => readonly string[];
  readonly #whole = new Set<string>();
  readonly #lacks = new Map<string, Lack>();

  /**
   * @param roots the folders that are to be whole
   * @param lacks what was lacking when the hub ended
   */
  constructor(roots: () => readonly string[], lacks: Iterable<readonly [string, Lack]> = []) {
    this.#roots = roots;
    this.#lacks = new Map(lacks);
  }

  /** Folders that are not known to be whole. */
  unsure(): readonly string[] {
    return [...new Set(this.#roots())].filter((cid) => !this.#whole.has(cid));
  }

  /** All blocks of a folder were seen to be there. */
  isNowWhole(cid: string): void {
    this.#whole.add(cid);
    this.#lacks.delete(cid);
  }

  /**
   * Folders were looked at.
   * @param missing how many blocks of each are seen to be missing
   */
  looked(missing: ReadonlyMap<string, number>, wallMs: number): void {
    const roots = new Set(this.#roots());
    for (const [cid, blocks] of missing) {
      if (blocks === 0) this.isNowWhole(cid);
      else if (!this.#whole.has(cid)) {
        this.#lacks.set(cid, { blocks, sinceMs: this.#lacks.get(cid)?.sinceMs ?? Math.floor(wallMs) });
      }
    }
    for (const known of [this.#whole, this.#lacks]) {
      for (const cid of known.keys()) if (!roots.has(cid)) known.delete(cid);
    }
  }

  /** Everything is to be looked at again. */
  doubt(): void {
    this.#whole.clear();
  }

  /** What is lacking, by folder. */
  get lacks(): ReadonlyMap<string, Lack> {
    return this.#lacks;
  }

  /** Which folders are to stay where they are; good until anything is told here. */
  held(): (cid: string) => boolean {
    const roots = new Set(this.#roots());
    const anyUnsure = this.unsure().length > 0;
    return (cid) => anyUnsure && !(roots.has(cid) && this.#whole.has(cid));
  }
}
