import { expect, onTestFinished, test, vi } from "vitest";
import { defaultLimits, FrameReceiver, FrameSender, PROTOCOL_VERSION } from "../protocol/index.ts";
import { createInvite, newSecretKey, parseInvite, publicKeyOf, signWelcome } from "../security/index.ts";
import { Link, type LinkOptions } from "./link.ts";
import type { OpenSocket, SocketEvents } from "./socket.ts";

/* What a peer does where another hub answers at its hub's address. */

const hubKey = newSecretKey();
const limits = { ...defaultLimits, strangerRetryMs: 90_000 };

/** A hub's address, at which somebody else can be made to answer. */
class Address {
  key: Uint8Array = hubKey;
  version = PROTOCOL_VERSION;
  /** Whether TLS already tells that it is somebody else. */
  refusesPin = false;
  /** Frames that came, by whoever answered. */
  readonly heard = { hub: 0, stranger: 0 };
  opened = 0;
  #events: SocketEvents | undefined;

  readonly open: OpenSocket = (_url, events) => {
    this.opened++;
    this.#events = events;
    const { key, version } = this;
    const [sender, receiver] = [new FrameSender(), new FrameReceiver()];
    const challenge = { hubKey: publicKeyOf(key), nonce: new Uint8Array(32) };
    const say = (message: object) => events.onFrame(sender.encode(message));
    queueMicrotask(() => {
      if (this.refusesPin) events.onClose("its key is another", undefined, true);
      else say({ type: "challenge", version, ...challenge });
    });
    return {
      send: (frame) => {
        this.heard[key === hubKey ? "hub" : "stranger"]++;
        const { header } = receiver.decode(frame, limits);
        const { nonce } = header as unknown as { readonly nonce: Uint8Array };
        const proof = signWelcome(key, challenge, nonce);
        const about = { hub: "lab", session: "s", role: "worker", heartbeatIntervalMs: 1e6, adopted: [] };
        say({ type: "welcome", version, proof, ...about });
      },
      bufferedBytes: 0,
      close: () => events.onClose("closed"),
      terminate: () => events.onClose("terminated"),
    };
  };

  /** The connection breaks. */
  cut(): void {
    this.#events?.onClose("cut");
  }
}

function linkTo(address: Address, options: Partial<LinkOptions> = {}) {
  const { invite } = createInvite({
    hubSecretKey: hubKey,
    url: "http://192.0.2.7:7077",
    role: "worker",
    project: "default",
    issuedAtMs: 0,
    expiresAtMs: 1,
  });
  const downs: [code: string, retryInMs: number][] = [];
  const link = new Link(
    { invite: parseInvite(invite), openSocket: address.open, limits, ...options },
    {
      onWelcome: () => {},
      onMessage: () => {},
      onDown: ({ code }, retryInMs) => void downs.push([code, retryInMs]),
    },
  );
  onTestFinished(() => link.close());
  return { link, downs };
}

test("strangerRetryMs: who may wait looks again this often, tells another hub nothing, and is back when its own is", async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const strangers = [
    { key: newSecretKey() },
    { key: newSecretKey(), version: PROTOCOL_VERSION + 1 },
    { refusesPin: true },
  ];
  for (const stranger of strangers) {
    const address = new Address();
    const { link, downs } = linkTo(address, { outwaitsStrangers: true });
    await link.start();
    Object.assign(address, stranger);
    address.cut();
    await vi.advanceTimersByTimeAsync(limits.reconnectDelayMaxMs);
    expect(downs.at(-1)).toEqual(["HUB_IDENTITY", 90_000]);
    await vi.advanceTimersByTimeAsync(2 * limits.strangerRetryMs);
    expect([address.opened, address.heard.stranger, link.up]).toEqual([4, 0, false]);
    Object.assign(address, { key: hubKey, version: PROTOCOL_VERSION, refusesPin: false });
    await vi.advanceTimersByTimeAsync(limits.strangerRetryMs);
    expect([link.up, address.heard]).toEqual([true, { hub: 2, stranger: 0 }]);
  }
});

test("at its first connection, or where it is not to wait, another hub is the end", async () => {
  const address = new Address();
  address.key = newSecretKey();
  const first = linkTo(address, { outwaitsStrangers: true });
  await expect(first.link.start()).rejects.toMatchObject({ code: "HUB_IDENTITY" });
  address.key = hubKey;
  const impatient = linkTo(address);
  await impatient.link.start();
  address.key = newSecretKey();
  address.cut();
  await expect(impatient.link.closed).rejects.toMatchObject({ code: "HUB_IDENTITY" });
  expect(address.heard).toEqual({ hub: 1, stranger: 0 });
});
