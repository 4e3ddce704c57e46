import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { startHub } from "../hub/index.ts";
import { describedWorker } from "../hub/testing/peer.ts";
import { defaultLimits, FrameReceiver, type MusketeersError } from "../protocol/index.ts";
import { createInvite, newSecretKey, parseInvite, publicKeyOf, sign } from "../security/index.ts";
import { Link, type LinkOptions } from "./link.ts";
import { openNodeSocket } from "./node.ts";
import type { OpenSocket, SocketEvents } from "./socket.ts";

afterEach(() => {
  vi.useRealTimers();
});

const nowhere = () =>
  parseInvite(
    createInvite({
      hubSecretKey: newSecretKey(),
      url: "http://127.0.0.1:1",
      role: "submitter",
      project: "default",
      issuedAtMs: 0,
      expiresAtMs: 1,
    }).invite,
  );

/** Sockets that do nothing by themselves. */
function deadSockets() {
  const opened: { events: SocketEvents; closed: number; terminated: number }[] = [];
  const openSocket: OpenSocket = (_url, events) => {
    const socket = { events, closed: 0, terminated: 0 };
    opened.push(socket);
    return {
      send: () => {},
      bufferedBytes: 0,
      close: () => void socket.closed++,
      terminate: () => {
        socket.terminated++;
        events.onClose("terminated");
      },
    };
  };
  return { opened, openSocket };
}

function linkTo(options: Omit<LinkOptions, "invite"> & Partial<LinkOptions>) {
  const downs: { error: MusketeersError; retryInMs: number }[] = [];
  let onDown = () => {};
  const link = new Link(
    { invite: nowhere(), ...options },
    {
      onWelcome: () => {},
      onMessage: () => {},
      onDown: (error, retryInMs) => {
        downs.push({ error, retryInMs });
        onDown();
      },
    },
  );
  onTestFinished(() => link.close());
  /** Resolves when it was down so many times. */
  const wasDown = (times: number) =>
    new Promise<void>((resolve) => {
      onDown = () => {
        if (downs.length >= times) resolve();
      };
      onDown();
    });
  return { link, downs, wasDown };
}

async function testHub(heartbeatIntervalMs: number) {
  const hub = await startHub({ listen: "127.0.0.1:0", limits: { heartbeatIntervalMs } });
  onTestFinished(() => hub.close());
  return { hub, invite: parseInvite(hub.invite({ role: "submitter" })) };
}

test("reconnectDelayMinMs and reconnectDelayMaxMs: pauses grow and are spread, the first one too, up to the longest", () => {
  vi.useFakeTimers();
  const { opened, openSocket } = deadSockets();
  const { link, downs } = linkTo({ openSocket, random: () => 0.5 });
  void link.start();
  for (let attempt = 0; attempt < 12; attempt++) {
    opened[attempt]!.events.onClose("refused");
    vi.advanceTimersByTime(downs[attempt]!.retryInMs);
  }
  const { reconnectDelayMinMs: min, reconnectDelayMaxMs: max } = defaultLimits;
  const pauses = downs.map(({ retryInMs }) => retryInMs);
  expect(pauses.slice(0, 3)).toEqual([1.5 * min, 2.5 * min, 4.5 * min]);
  expect(pauses.at(-1)).toBe((min + max) / 2);
});

test("handshakeTimeoutMs: a socket that stays silent is given up, while connecting and while closing", async () => {
  vi.useFakeTimers();
  const { opened, openSocket } = deadSockets();
  const { link, downs } = linkTo({ openSocket });
  void link.start().catch(() => {});
  vi.advanceTimersByTime(2 * defaultLimits.handshakeTimeoutMs);
  expect(opened[0]!.terminated).toBe(1);
  expect(downs[0]!.error.code).toBe("HUB_UNREACHABLE");
  vi.advanceTimersByTime(downs[0]!.retryInMs);
  link.close();
  await link.closed;
  expect([opened[1]!.closed, opened[1]!.terminated]).toEqual([1, 0]);
  vi.advanceTimersByTime(defaultLimits.handshakeTimeoutMs);
  expect(opened[1]!.terminated).toBe(1);
  expect([vi.getTimerCount(), opened.length, downs.length]).toEqual([0, 2, 1]);
});

test("closed while it waits for the next try, it tries no more", async () => {
  vi.useFakeTimers();
  const { opened, openSocket } = deadSockets();
  const { link } = linkTo({ openSocket });
  const started = link.start();
  opened[0]!.events.onClose("refused");
  link.close();
  await expect(started).rejects.toMatchObject({ code: "HUB_UNREACHABLE" });
  vi.advanceTimersByTime(60_000);
  expect([vi.getTimerCount(), opened.length]).toEqual([0, 1]);
});

test("a hub that welcomes and throws out again is asked less and less often", async () => {
  const { invite } = await testHub(defaultLimits.heartbeatIntervalMs);
  const { link, downs, wasDown } = linkTo({ invite, openSocket: openNodeSocket, random: () => 0.999 });
  for (let times = 1; times <= 4; times++) {
    await link.start();
    while (!link.send({ type: "nonsense" })) await new Promise((resolve) => setImmediate(resolve));
    await wasDown(times);
  }
  expect(downs.map(({ error }) => error.code)).toEqual(["PROTOCOL", "PROTOCOL", "PROTOCOL", "PROTOCOL"]);
  const pauses = downs.map(({ retryInMs }) => retryInMs);
  expect(pauses).toEqual(pauses.toSorted((a, b) => a - b));
  expect(pauses[3]).toBeGreaterThan(4 * pauses[0]!);
});

test("a frame that the hub cuts off ends the link instead of being sent for ever", async () => {
  const { invite } = await testHub(defaultLimits.heartbeatIntervalMs);
  for (const factor of [1, 3]) {
    const body = new Uint8Array(factor * defaultLimits.frameBytesMax);
    let times = 0;
    const onWelcome = () => {
      times++;
      link.send({ type: "inputs" }, body);
    };
    const handlers = { onWelcome, onMessage: () => {} };
    const link: Link = new Link({ invite, openSocket: openNodeSocket }, handlers);
    onTestFinished(() => link.close());
    await link.start();
    await expect(link.closed).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    // What the hub cannot even read may have been damaged on its way, once.
    expect(times).toBe(factor === 1 ? 1 : 2);
  }
});

test("where pings cannot be seen, an idle connection is no dead one", async () => {
  const { invite } = await testHub(20);
  const deaf =
    (hidesPings: boolean): OpenSocket =>
    (url, events) => {
      const socket = openNodeSocket(url, { ...events, onAlive: () => {} });
      return Object.defineProperty(socket, "hidesPings", { value: hidesPings });
    };
  const idle = linkTo({ invite, openSocket: deaf(true) });
  await idle.link.start();
  const silent = linkTo({ invite, openSocket: deaf(false) });
  await silent.link.start();
  await silent.wasDown(2);
  expect([idle.link.up, idle.downs.length]).toEqual([true, 0]);
});

test("a connection that is known to be lost is replaced at once", async () => {
  const { invite } = await testHub(defaultLimits.heartbeatIntervalMs);
  const { link, wasDown } = linkTo({ invite, openSocket: openNodeSocket });
  await link.start();
  link.reconnect();
  await wasDown(1);
  await expect.poll(() => link.up).toBe(true);
});

test("headerBytesMax: of more leases than fit into a hello the first ones are presented", async () => {
  const { hub } = await testHub(1000);
  const invite = parseInvite(hub.invite({ role: "worker" }));
  const leases = Array.from({ length: 300 }, (_, at) => ({ lease: `${at}`.padEnd(6000, "x"), from: 0 }));
  const hellos: unknown[] = [];
  const receiver = new FrameReceiver();
  const openSocket: OpenSocket = (url, events) => {
    const socket = openNodeSocket(url, events);
    const send = (frame: Uint8Array) => {
      hellos.push(receiver.decode(frame, defaultLimits).header);
      socket.send(frame);
    };
    return { send, bufferedBytes: 0, close: () => socket.close(), terminate: () => socket.terminate() };
  };
  const { link, downs } = linkTo({
    invite,
    openSocket,
    leases: () => leases,
    worker: () => describedWorker(),
  });
  await link.start();
  expect(downs).toEqual([]);
  const { leases: presented } = hellos[0] as { leases: object[] };
  expect(presented.length).toBeGreaterThan(100);
  expect(presented).toEqual(leases.slice(0, presented.length));
});

test("a welcome that crosses our close does not bring the link back", async () => {
  const { invite } = await testHub(defaultLimits.heartbeatIntervalMs);
  let frames = 0;
  let welcomed = 0;
  let answered: () => void;
  const crossed = new Promise<void>((resolve) => {
    answered = resolve;
  });
  const openSocket: OpenSocket = (url, events) =>
    openNodeSocket(url, {
      ...events,
      onFrame: (frame) => {
        // The first one is the challenge, the second the welcome.
        if (++frames === 2) link.close();
        events.onFrame(frame);
        if (frames === 2) answered();
      },
    });
  const handlers = { onWelcome: () => void welcomed++, onMessage: () => {} };
  const link: Link = new Link({ invite, openSocket }, handlers);
  const started = link.start();
  await expect(started).rejects.toMatchObject({ code: "HUB_UNREACHABLE" });
  await Promise.all([crossed, link.closed]);
  expect([link.up, welcomed]).toEqual([false, 0]);
});

test("what a hub says that takes no further connection is told, and tried again", async () => {
  const refusal = JSON.stringify({ code: "TOO_MANY", message: "There are 4 connections already" });
  const answers = [refusal, "{", "x".repeat(10_000)];
  const server = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  server.on("upgrade", (_request, socket) => {
    const body = answers.shift() ?? "";
    socket.end(`HTTP/1.1 429 TOO_MANY\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  const { port } = server.address() as AddressInfo;
  const invite = Object.assign(nowhere(), { wsUrl: `ws://127.0.0.1:${port}/link` });
  const { downs, wasDown, link } = linkTo({ invite, openSocket: openNodeSocket });
  link.start().catch(() => {});
  await wasDown(3);
  expect(downs.map(({ error }) => [error.code, error.retryable])).toEqual(
    downs.map(() => ["HUB_UNREACHABLE", true]),
  );
  expect(downs[0]!.error.message).toContain("There are 4 connections already");
  for (const { error } of downs.slice(1)) expect(error.message).toContain("server response: 429");
});

test("a key that is out of reach proves the machine as well; one that does not sign ends the link", async () => {
  const { hub, invite } = await testHub(1_000);
  const secretKey = newSecretKey();
  const publicKey = publicKeyOf(secretKey);
  const { link } = linkTo({
    invite: { ...invite, url: hub.url },
    openSocket: openNodeSocket,
    machineKey: { publicKey, sign: async (message) => sign(message, secretKey) },
  });
  expect((await link.start()).role).toBe("submitter");
  const broken = async (): Promise<Uint8Array> => {
    throw new Error("the key is gone");
  };
  const other = linkTo({ invite, openSocket: openNodeSocket, machineKey: { publicKey, sign: broken } });
  await expect(other.link.start()).rejects.toMatchObject({ code: "INTERNAL" });
  const wrong = async () => new Uint8Array(64);
  const liar = linkTo({ invite, openSocket: openNodeSocket, machineKey: { publicKey, sign: wrong } });
  await expect(liar.link.start()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
});
