import { basename, dirname } from "node:path";
import type { FileStat, Files, LogFile, OpenMode } from "./files.ts";

/** Bytes of a file as programs see them, and as a power cut would leave them. */
interface Inode {
  usedAtMs?: number;
  content: Uint8Array;
  synced: Uint8Array;
}

export type Operation =
  | "write"
  | "sync"
  | "truncate"
  | "rename"
  | "open"
  | "remove"
  | "touch"
  | "syncDirectory";

/** What to do instead of an operation; undefined lets it happen. */
export type Fault = { readonly code: string } | { readonly shortBy: number } | undefined;

const fail = (code: string): Error => Object.assign(new Error(`${code}: a fault of the fake disk`), { code });

/** A disk in memory that can fill up, fail, write short and lose what was not synced. */
export class FakeDisk implements Files {
  #names = new Map<string, Inode>();
  #syncedNames = new Map<string, Inode>();
  /** Asked before each operation. */
  fault: (operation: Operation, path: string) => Fault = () => undefined;
  /** How many turns of the microtask queue a sync takes, so that others come first. */
  syncTurns: () => number = () => 0;
  /** Asked before each read: a code for its failure, or undefined. */
  readFault: (path: string) => string | undefined = () => undefined;
  freeBytes = Number.POSITIVE_INFINITY;
  /** Every operation that was done, for assertions about order. */
  readonly log: string[] = [];

  makeDirectory = async (): Promise<void> => {};

  async list(path: string): Promise<readonly string[]> {
    const inside = [...this.#names.keys()].filter((name) => name.startsWith(`${path}/`));
    return [...new Set(inside.map((name) => name.slice(path.length + 1).split("/", 1)[0] as string))];
  }

  async open(path: string, mode: OpenMode): Promise<LogFile> {
    this.#before("open", path);
    let inode = this.#names.get(path);
    if (mode === "create") {
      if (inode === undefined) {
        inode = { content: new Uint8Array(0), synced: new Uint8Array(0) };
        this.#names.set(path, inode);
      }
      this.#resize(inode, 0);
    }
    if (inode === undefined) throw fail("ENOENT");
    return this.#file(path, inode);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#before("rename", to);
    const inode = this.#names.get(from);
    if (inode === undefined) throw fail("ENOENT");
    this.#names.delete(from);
    this.#names.set(to, inode);
  }

  removeNow(path: string): void {
    this.#before("remove", path);
    const inode = this.#names.get(path);
    if (inode === undefined) return;
    this.freeBytes += inode.content.length;
    this.#names.delete(path);
  }

  stat(path: string): FileStat | undefined {
    const inode = this.#names.get(path);
    return inode && { bytes: inode.content.length, usedAtMs: inode.usedAtMs ?? 0 };
  }

  touch(path: string, atMs: number): void {
    this.#before("touch", path);
    const inode = this.#names.get(path);
    if (inode === undefined) throw fail("ENOENT");
    inode.usedAtMs = atMs;
  }

  async remove(path: string): Promise<void> {
    this.removeNow(path);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#before("syncDirectory", path);
    await this.#turns();
    for (const name of this.#syncedNames.keys()) if (dirname(name) === path) this.#syncedNames.delete(name);
    for (const [name, inode] of this.#names) if (dirname(name) === path) this.#syncedNames.set(name, inode);
  }

  /** The bytes of a file. */
  content(path: string): Uint8Array {
    const inode = this.#names.get(path);
    if (inode === undefined) throw fail("ENOENT");
    return inode.content;
  }

  /** The bytes of a file, or others where there is none. */
  contentOr(path: string, bytes: Uint8Array): Uint8Array {
    return this.#names.get(path)?.content ?? bytes;
  }

  setContent(path: string, content: Uint8Array): void {
    const inode = this.#names.get(path);
    if (inode === undefined) throw fail("ENOENT");
    inode.content = content;
  }

  /** The disk as the next process finds it after `kill -9` of this one. */
  afterKill(): FakeDisk {
    return FakeDisk.#of(this.#names, (inode) => inode.content);
  }

  /**
   * The disk after a power cut: of what was not synced, `keep` decides byte by byte (a lost one reads as
   * zero, or is not there at the end of the file), and names are as they were synced; of those that were
   * made, changed or removed since, `keepName` decides which are so already.
   */
  afterPowerCut(
    keep: (offset: number) => boolean = () => false,
    keepName: (name: string) => boolean = () => false,
  ): FakeDisk {
    const names = new Map(this.#syncedNames);
    for (const name of new Set([...this.#names.keys(), ...names.keys()])) {
      if (!keepName(name)) continue;
      const now = this.#names.get(name);
      if (now === undefined) names.delete(name);
      else names.set(name, now);
    }
    return FakeDisk.#of(names, ({ content, synced }) => {
      const survived = new Uint8Array(Math.max(content.length, synced.length));
      let length = synced.length;
      survived.set(synced);
      for (let offset = 0; offset < content.length; offset++) {
        if (content[offset] === synced[offset] || !keep(offset)) continue;
        survived[offset] = content[offset] as number;
        length = Math.max(length, offset + 1);
      }
      return survived.subarray(0, length);
    });
  }

  static #of(names: Map<string, Inode>, contentOf: (inode: Inode) => Uint8Array): FakeDisk {
    const disk = new FakeDisk();
    for (const [name, inode] of names) {
      const content = contentOf(inode).slice();
      const copy = { content, synced: content };
      disk.#names.set(name, copy);
      disk.#syncedNames.set(name, copy);
    }
    return disk;
  }

  async #turns(): Promise<void> {
    for (let left = this.syncTurns(); left > 0; left--) await undefined;
  }

  #before(operation: Operation, path: string): Fault {
    const fault = this.fault(operation, path);
    if (fault !== undefined && "code" in fault) throw fail(fault.code);
    this.log.push(`${operation} ${basename(path)}`);
    return fault;
  }

  #resize(inode: Inode, bytes: number): void {
    const content = new Uint8Array(bytes);
    content.set(inode.content.subarray(0, bytes));
    this.freeBytes -= bytes - inode.content.length;
    inode.content = content;
  }

  #file(path: string, inode: Inode): LogFile {
    return {
      write: (pieces, offset) => this.#write(path, inode, Buffer.concat(pieces as Uint8Array[]), offset),
      read: async (buffer, offset) => {
        const code = this.readFault(path);
        if (code !== undefined) throw fail(code);
        const bytes = inode.content.subarray(offset, offset + buffer.length);
        buffer.set(bytes);
        return bytes.length;
      },
      truncate: async (bytes) => {
        this.#before("truncate", path);
        this.#resize(inode, bytes);
      },
      sync: async () => {
        this.#before("sync", path);
        await this.#turns();
        inode.synced = inode.content.slice();
      },
      size: async () => inode.content.length,
      close: async () => {},
    };
  }

  #write(path: string, inode: Inode, bytes: Uint8Array, offset: number): number {
    const fault = this.#before("write", path);
    const wanted = fault !== undefined && "shortBy" in fault ? bytes.length - fault.shortBy : bytes.length;
    const grow = Math.max(0, offset + wanted - inode.content.length);
    const written = wanted - Math.max(0, grow - this.freeBytes);
    if (written <= 0 && bytes.length > 0) throw fail("ENOSPC");
    if (offset + written > inode.content.length) this.#resize(inode, offset + written);
    inode.content.set(bytes.subarray(0, written), offset);
    return written;
  }
}
