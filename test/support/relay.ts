import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A TCP relay in front of a hub, with a cable that can be pulled. */
export interface Relay {
  readonly url: string;
  /** Connections that were made so far. */
  readonly connections: number;
  /** An invite of the hub that leads through here. */
  through(invite: string): string;
  /** Ends all connections at once; new ones are let in. */
  cut(): void;
  /** Keeps all connections and carries nothing on them, as a network that has gone; new ones are let in. */
  freeze(): void;
  /** Cuts, and lets nobody in until `open`. */
  close(): void;
  open(): void;
}

interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

/** Starts a relay to a hub; gone after the test. */
export async function testRelay(targetUrl: string): Promise<Relay> {
  const { hostname, port } = new URL(targetUrl);
  const pairs = new Set<Pair>();
  let connections = 0;
  let isOpen = true;
  const server = createServer((near) => {
    if (!isOpen) {
      near.resetAndDestroy();
      return;
    }
    connections++;
    const far = connect(Number(port), hostname);
    const pair = { near, far };
    pairs.add(pair);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to);
      from.on("error", () => {});
      from.on("close", () => {
        pairs.delete(pair);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cut = () => {
    for (const { near, far } of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  onTestFinished(() => {
    cut();
    server.close();
  });
  return {
    url,
    get connections() {
      return connections;
    },
    through: (invite) => invite.replace(targetUrl, url),
    cut,
    freeze: () => {
      for (const { near, far } of pairs) {
        near.unpipe(far).pause();
        far.unpipe(near).pause();
      }
    },
    close: () => {
      isOpen = false;
      cut();
    },
    open: () => {
      isOpen = true;
    },
  };
}
