/** What a sandbox says, and how it ends. */
export interface SpawnedEvents {
  /** Bytes of frames, cut anywhere. Throws nothing. */
  onBytes(bytes: Uint8Array): void;
  /** It is gone; comes once. */
  onGone(end: SpawnedEnd): void;
}

export interface SpawnedEnd {
  /** For people. */
  readonly why: string;
  /** It ran out of memory. */
  readonly isMemory: boolean;
}

/** Looks at the memory of a sandbox now and then. */
export interface MemoryLook {
  /** Resident bytes when last looked at; 0 where it cannot be told. */
  readonly bytes: number;
  stop(): void;
}

/** What runs a sandbox, and how to talk to it: a process with pipes, or a worker in a frame of a page. */
export interface Spawned {
  /** Called once, before anything else. */
  listen(events: SpawnedEvents): void;
  /**
   * Writes parts behind each other, in one piece; gives a promise where the way is full.
   * @param onWritten told when nobody needs the parts any more, unless the sandbox ends before
   */
  write(parts: readonly Uint8Array[], onWritten?: () => void): Promise<void> | undefined;
  /** Lets what it says wait, or takes it again. */
  hold(held: boolean): void;
  /** Stops it where it stands, or lets it go on; false where that cannot be done. */
  stop(stopped: boolean): boolean;
  /** Ends it at once, with all that it started. */
  kill(): void;
  /** Removes what it had. */
  cleanUp(): Promise<void>;
  /** The process whose time and memory count; undefined where there is none, or while it is not known. */
  pid(): number | undefined;
  /** Calls back when it has more than so many bytes, where that can be told. */
  watchMemory(bytesMax: number, onOver: () => void): MemoryLook;
  /** Calls back when what it has said so far was read. */
  afterInput(callback: () => void): void;
}
