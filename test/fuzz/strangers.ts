import { Link, type OpenSocket, type Socket } from "../../src/link/index.ts";
import { openNodeSocket } from "../../src/link/node.ts";
import { crc32 } from "../../src/protocol/crc32.ts";
import { encodeFrame, type Role } from "../../src/protocol/index.ts";
import { parseInvite } from "../../src/security/index.ts";
import type { Random } from "../../src/simulator/index.ts";
import { altered, fuzzWorker, hubHeaders, peerHeaders } from "./headers.ts";
import { mutant } from "./mutate.ts";

/* Peers that go wrong on purpose, each on a connection of its own at a hub in another process. */

export interface Invites {
  readonly worker: string;
  readonly submitter: string;
  readonly viewer: string;
}

const body = Uint8Array.of(1, 0xa0, 1, 0xa0, 1, 0xf6);
const samples = [...peerHeaders, ...peerHeaders, ...hubHeaders].map((header) => encodeFrame(header, body));

/** Half of them whole, but with fields that make no sense; the others damaged. */
function wrongFrame(random: Random): Uint8Array {
  if (random.chance(0.5)) return mutant(samples, random);
  return encodeFrame(altered(peerHeaders[random.int(peerHeaders.length)]!, random), body);
}

const FRAMES_A_CONNECTION = 24;
/** A hub that says nothing to a frame it takes is left after this. */
const PATIENCE_MS = 40;

/** A frame as the wire has it: with its number, or with a wrong one where frames change their order. */
function numbered(frame: Uint8Array, number: number): Uint8Array {
  const bytes = new Uint8Array(4 + frame.length);
  new DataView(bytes.buffer).setUint32(0, crc32(frame, number), true);
  bytes.set(frame, 4);
  return bytes;
}

class Stranger {
  readonly #random: Random;
  #socket: Socket | undefined;
  #sent = 0;
  #over = false;
  readonly #closed: Promise<void>;
  #close: () => void = () => {};

  constructor(random: Random) {
    this.#random = random;
    this.#closed = new Promise((resolve) => {
      this.#close = () => {
        this.#over = true;
        resolve();
      };
    });
  }

  /** Opens sockets, and counts what is sent on them by whoever keeps to the protocol. */
  readonly open: OpenSocket = (url, events) => {
    const socket = openNodeSocket(url, {
      ...events,
      onClose: (reason, code) => {
        this.#close();
        events.onClose(reason, code);
      },
    });
    this.#socket = socket;
    return {
      send: (frame) => {
        this.#sent++;
        socket.send(frame);
      },
      get bufferedBytes() {
        return socket.bufferedBytes;
      },
      close: () => socket.close(),
      terminate: () => socket.terminate(),
    };
  };

  /** Sends what nobody should; says how many frames. Ends when the hub has closed the connection, or had the time to. */
  async attack(): Promise<number> {
    const count = 1 + this.#random.int(FRAMES_A_CONNECTION);
    for (let frame = 0; frame < count && !this.#over; frame++) {
      // Repeated, left out and swapped numbers are what reordering on the way looks like.
      const number = this.#random.chance(0.02) ? this.#sent + this.#random.int(3) - 1 : this.#sent;
      this.#socket?.send(numbered(wrongFrame(this.#random), number));
      this.#sent++;
    }
    const timer = setTimeout(this.#close, PATIENCE_MS);
    await this.#closed;
    clearTimeout(timer);
    this.#socket?.terminate();
    return count;
  }
}

/** One whose first words are wrong. */
async function fromOutside(invite: string, random: Random): Promise<number> {
  const stranger = new Stranger(random);
  const { wsUrl } = parseInvite(invite);
  const said = new Promise<void>((resolve) => {
    stranger.open(wsUrl, { onOpen() {}, onFrame: () => resolve(), onAlive() {}, onClose: () => resolve() });
  });
  await said;
  return stranger.attack();
}

/** One who was let in, as a worker or a client, and goes wrong then. */
async function fromInside(invite: string, random: Random): Promise<number> {
  const stranger = new Stranger(random);
  const role: Role = parseInvite(invite).role;
  const link = new Link(
    {
      invite: parseInvite(invite),
      openSocket: stranger.open,
      ...(role === "worker" ? { worker: () => fuzzWorker } : {}),
    },
    { onWelcome() {}, onMessage() {} },
  );
  try {
    await link.start();
    return await stranger.attack();
  } finally {
    link.close();
  }
}

/** One connection's worth of wrong frames; says how many were sent. */
export function attack(invites: Invites, random: Random): Promise<number> {
  const invite = [invites.worker, invites.worker, invites.submitter, invites.viewer][random.int(4)]!;
  return random.chance(0.3) ? fromOutside(invite, random) : fromInside(invite, random);
}
