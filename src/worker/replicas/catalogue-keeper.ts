import type {
  AccountsMessage,
  CatalogueMessage,
  RecallMessage,
  RecoveryToHub,
  UploadMessage,
} from "../../protocol/index.ts";
import { ACCOUNTS, CATALOGUE, openStatement } from "../../security/index.ts";

/** Blocks that are in memory at once, and travel together. */
const UPLOADS_AT_ONCE = 16;

type Message = CatalogueMessage | AccountsMessage | RecallMessage | UploadMessage;

/** Where a signed statement rests; losing it is no error. */
export interface Shelf {
  load(): Promise<Uint8Array | undefined>;
  save(bytes: Uint8Array): Promise<void>;
}

export class MemoryShelf implements Shelf {
  #bytes: Uint8Array | undefined;

  async load(): Promise<Uint8Array | undefined> {
    return this.#bytes;
  }

  async save(bytes: Uint8Array): Promise<void> {
    this.#bytes = bytes;
  }
}

export interface CatalogueKeeperOptions {
  readonly hubKey: Uint8Array;
  readonly shelf: Shelf;
  /** Of the accounts. */
  readonly accountsShelf: Shelf;
  readonly send: (message: RecoveryToHub, body?: Uint8Array) => void;
  /** What is kept here; fetches nothing. */
  readonly peek: (cid: string) => Promise<Uint8Array | undefined>;
  /** Stores a block at the hub; what comes together travels together. */
  readonly store: (cid: string, bytes: Uint8Array) => Promise<void>;
}

/** A trusted worker's part in the recovery of a hub: keeps its signed catalogue and accounts, and gives back what it keeps. */
export class CatalogueKeeper {
  readonly #options: CatalogueKeeperOptions;
  /** One thing after the other. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: CatalogueKeeperOptions) {
    this.#options = options;
  }

  onMessage(message: Message, body: Uint8Array): void {
    const mine = body.slice();
    this.#last = this.#last.then(() => this.#handle(message, mine)).catch(() => {});
  }

  async #handle(message: Message, body: Uint8Array): Promise<void> {
    const { shelf, accountsShelf, send } = this.#options;
    switch (message.type) {
      case "catalogue":
        return this.#keep(CATALOGUE, body, shelf);
      case "accounts":
        return this.#keep(ACCOUNTS, body, accountsShelf);
      case "recall": {
        const accounts = await this.#kept(ACCOUNTS, accountsShelf);
        if (accounts !== undefined) send({ type: "accounts" }, accounts);
        send({ type: "catalogue" }, (await this.#kept(CATALOGUE, shelf)) ?? new Uint8Array(0));
        return;
      }
      case "upload":
        await this.#uploadAll([...message.cids]);
        send({ type: "uploaded", call: message.call });
    }
  }

  async #keep(about: string, bytes: Uint8Array, shelf: Shelf): Promise<void> {
    if (this.#sequenceOf(about, bytes) > this.#sequenceOf(about, await shelf.load())) await shelf.save(bytes);
  }

  /** What the hub signed of what is kept. */
  async #kept(about: string, shelf: Shelf): Promise<Uint8Array | undefined> {
    const kept = await shelf.load();
    return this.#sequenceOf(about, kept) < 0 ? undefined : kept;
  }

  /** -1 for what the hub has not signed. */
  #sequenceOf(about: string, bytes: Uint8Array | undefined): number {
    if (bytes === undefined) return -1;
    try {
      return openStatement(bytes, about, this.#options.hubKey).sequence;
    } catch {
      return -1;
    }
  }

  async #uploadAll(cids: string[]): Promise<void> {
    const next = async (): Promise<void> => {
      for (let cid = cids.pop(); cid !== undefined; cid = cids.pop()) {
        // The hub sees what has not come.
        await this.#upload(cid).catch(() => {});
      }
    };
    await Promise.all(Array.from({ length: UPLOADS_AT_ONCE }, next));
  }

  async #upload(cid: string): Promise<void> {
    const bytes = await this.#options.peek(cid);
    if (bytes !== undefined) await this.#options.store(cid, bytes);
  }
}
