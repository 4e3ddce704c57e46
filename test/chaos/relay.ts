import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

type Direction = "up" | "down";

/** What is done to bytes on their way: `end` closes the connection behind what is left of them. */
export interface Damaged {
  readonly bytes: Buffer;
  readonly end?: boolean;
}

interface Damage {
  readonly direction: Direction;
  readonly bytesMin: number;
  readonly signal: AbortSignal;
  readonly apply: (bytes: Buffer) => Damaged;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  silent: boolean;
}

/** One peer's way to the hub: a TCP relay that can do what networks do. */
export class Relay {
  readonly url: string;
  readonly #server: Server;
  readonly #pairs: Set<Pair>;
  readonly #damages: Damage[] = [];
  #delayMs = 0;
  /** Connections that were made so far. */
  opened = 0;

  private constructor(server: Server, pairs: Set<Pair>) {
    this.#server = server;
    this.#pairs = pairs;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(hubPort: number): Promise<Relay> {
    const pairs = new Set<Pair>();
    const server = createServer((near) => {
      const pair = { near, far: connect(hubPort, "127.0.0.1"), silent: false };
      pairs.add(pair);
      relay.opened++;
      relay.#carry(pair, pair.near, pair.far, "up");
      relay.#carry(pair, pair.far, pair.near, "down");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const relay = new Relay(server, pairs);
    return relay;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** An invite of the hub that leads through here. */
  through(invite: string): string {
    const url = new URL(invite);
    return invite.replace(url.origin, this.url);
  }

  /** Ends all connections at once. */
  cut(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** Swallows all that is sent on the connections of now, and closes none. */
  silence(): void {
    for (const pair of this.#pairs) pair.silent = true;
  }

  /** Every piece takes so much longer. */
  delay(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Does something to the next piece of at least so many bytes, unless the signal comes before. */
  damage(direction: Direction, bytesMin: number, signal: AbortSignal, apply: Damage["apply"]): void {
    this.#damages.push({ direction, bytesMin, signal, apply });
  }

  close(): void {
    this.cut();
    this.#server.close();
  }

  #carry(pair: Pair, from: Socket, to: Socket, direction: Direction): void {
    let queue = Promise.resolve();
    from.setNoDelay(true);
    const pass = (bytes: Buffer) => {
      if (pair.silent) return;
      const { bytes: left, end = false } = this.#damaged(direction, bytes);
      if (!to.write(left) && !from.isPaused()) {
        from.pause();
        to.once("drain", () => from.resume());
      }
      if (!end) return;
      from.destroy();
      to.destroySoon();
    };
    const inTurn = (act: () => void) => {
      const delayMs = this.#delayMs;
      queue = queue.then(async () => {
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
        act();
      });
    };
    from.on("data", (bytes: Buffer) => inTurn(() => pass(bytes)));
    from.on("end", () => {
      if (!pair.silent) inTurn(() => void to.end());
    });
    from.on("error", () => {});
    from.on("close", () => {
      this.#pairs.delete(pair);
      // Who is silent does not say that it has gone either.
      if (!pair.silent) inTurn(() => void to.destroy());
      else setTimeout(() => to.destroy(), SILENT_MS).unref();
    });
  }

  #damaged(direction: Direction, bytes: Buffer): Damaged {
    const at = this.#damages.findIndex(
      ({ direction: way, bytesMin, signal }) =>
        !signal.aborted && way === direction && bytes.length >= bytesMin,
    );
    const [damage] = at === -1 ? [] : this.#damages.splice(at, 1);
    return damage === undefined ? { bytes } : damage.apply(bytes);
  }
}

/** How long the far end of a silent connection is kept when the near one has gone. */
const SILENT_MS = 20_000;
