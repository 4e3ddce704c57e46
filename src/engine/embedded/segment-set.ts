import { join } from "node:path";
import type { Position } from "../port.ts";
import type { Files, LogFile } from "./files.ts";
import type { SegmentInfo } from "./survey.ts";

/** Files that stay open for reading although nobody reads them now. */
const IDLE_FILES_MAX = 16;

interface Member {
  readonly info: SegmentInfo;
  users: number;
  dropped: boolean;
  file: Promise<LogFile> | undefined;
}

/** A segment that stays there while it is held. */
export interface HeldSegment {
  readonly info: SegmentInfo;
  /** Position behind its last byte, as far as it was when it was held. */
  readonly end: Position;
  file(): Promise<LogFile>;
  release(): Promise<void>;
}

/** The segments of a journal: opens them for readers, and removes those that nobody needs any more. */
export class SegmentSet {
  readonly #files: Files;
  readonly #directory: string;
  #members: Member[];
  readonly #idle = new Set<Member>();
  /** Files that could not be removed; tried again with the next drop. */
  readonly #leftover = new Set<Member>();

  constructor(files: Files, directory: string, segments: readonly SegmentInfo[]) {
    this.#files = files;
    this.#directory = directory;
    this.#members = segments.map(member);
  }

  get first(): SegmentInfo | undefined {
    return this.#members[0]?.info;
  }

  get last(): SegmentInfo | undefined {
    return this.#members.at(-1)?.info;
  }

  add(info: SegmentInfo): void {
    this.#members.push(member(info));
  }

  /** Segments that end after a position; always the last one. */
  since(position: Position): SegmentInfo[] {
    return this.#members
      .filter((_, index) => (this.#members[index + 1]?.info.base ?? Number.POSITIVE_INFINITY) > position)
      .map(({ info }) => info);
  }

  /** Holds what has records at or after a position and before `end`. */
  hold(from: Position, end: Position): HeldSegment[] {
    const held: HeldSegment[] = [];
    for (const [index, each] of this.#members.entries()) {
      const segmentEnd = Math.min(end, this.#members[index + 1]?.info.base ?? end);
      if (segmentEnd > from && each.info.base < end) held.push(this.#hold(each, segmentEnd));
    }
    return held;
  }

  /** Holds the segment of one position, if it is there. */
  holdAt(position: Position, end: Position): HeldSegment | undefined {
    const index = this.#members.findLastIndex((each) => each.info.base <= position);
    const found = this.#members[index];
    if (found === undefined || position >= end) return undefined;
    return this.#hold(found, Math.min(end, this.#members[index + 1]?.info.base ?? end));
  }

  /** The first base that stays when everything before a position may go; the last segment always stays. */
  firstAfterDrop(position: Position): Position | undefined {
    let first = this.#members[0]?.info.base;
    for (const { info } of this.#members) if (info.base <= position) first = info.base;
    return first;
  }

  /** Removes the segments before a base; those that are held are removed when they are released. */
  async drop(before: Position): Promise<void> {
    for (const each of this.#members) {
      if (each.info.base >= before) continue;
      each.dropped = true;
      this.#leftover.add(each);
    }
    this.#members = this.#members.filter(({ dropped }) => !dropped);
    for (const each of this.#leftover) await this.#removeUnused(each);
  }

  /** Whether files that were dropped are still there although nobody reads them. */
  get hasLeftover(): boolean {
    return [...this.#leftover].some(({ users }) => users === 0);
  }

  async close(): Promise<void> {
    for (const each of this.#members) await this.#closeFile(each);
  }

  #hold(each: Member, end: Position): HeldSegment {
    each.users++;
    this.#idle.delete(each);
    let released = false;
    return {
      info: each.info,
      end,
      file: () => {
        each.file ??= this.#files.open(join(this.#directory, each.info.name), "read").catch((error) => {
          each.file = undefined;
          throw error;
        });
        return each.file;
      },
      release: async () => {
        if (released) return;
        released = true;
        each.users--;
        // Whoever read it has nothing to do with a file that cannot be removed.
        await this.#removeUnused(each).catch(() => {});
        await this.#keepFewIdle(each);
      },
    };
  }

  async #removeUnused(each: Member): Promise<void> {
    if (!each.dropped || each.users > 0) return;
    await this.#closeFile(each);
    await this.#files.remove(join(this.#directory, each.info.name));
    this.#leftover.delete(each);
  }

  async #keepFewIdle(each: Member): Promise<void> {
    if (each.users > 0 || each.dropped || each.file === undefined) return;
    this.#idle.add(each);
    const [oldest] = this.#idle;
    if (this.#idle.size > IDLE_FILES_MAX && oldest !== undefined) await this.#closeFile(oldest);
  }

  async #closeFile(each: Member): Promise<void> {
    const { file } = each;
    each.file = undefined;
    this.#idle.delete(each);
    await (await file)?.close();
  }
}

const member = (info: SegmentInfo): Member => ({ info, users: 0, dropped: false, file: undefined });
