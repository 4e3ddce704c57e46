import { setTimeout as pause } from "node:timers/promises";
import { LEASE_TTL_MS, setClocks } from "./hub.ts";
import type { FaultKind, PlannedFault } from "./plan.ts";
import type { Program } from "./program.ts";
import type { Damaged, Relay } from "./relay.ts";
import type { Volunteer } from "./volunteer.ts";
import type { World } from "./world.ts";

const HOUR_MS = 3_600_000;

/** Between two bounds, by a fault's measure. */
const between = ({ measure }: PlannedFault, min: number, max: number) => min + measure * (max - min);

const pick = <T>(items: readonly T[], { whom }: PlannedFault): T | undefined =>
  items[Math.floor(whom * items.length)];

/** Does something with an idle worker, which is left alone by others meanwhile; false where there is none. */
async function toVolunteer(
  world: World,
  fault: PlannedFault,
  act: (volunteer: Volunteer) => Promise<void>,
): Promise<boolean> {
  const volunteer = pick(world.idle, fault);
  if (volunteer === undefined) return false;
  volunteer.busy = true;
  await act(volunteer);
  volunteer.busy = false;
  return true;
}

async function freeze(program: Program, ms: number): Promise<void> {
  program.signal("SIGSTOP");
  await pause(ms);
  program.signal("SIGCONT");
}

/** Freezes it, and lets it wake up an hour later by both of its clocks. */
async function sleep(program: Program, home: string, ms: number): Promise<void> {
  program.signal("SIGSTOP");
  await pause(ms);
  await setClocks(program, home, { wallMs: HOUR_MS, monotonicMs: HOUR_MS });
  program.signal("SIGCONT");
}

const jumpOf = (fault: PlannedFault) => ({
  // Wall clocks count whole milliseconds.
  wallMs: Math.round(between(fault, -48, 48) * HOUR_MS),
  monotonicMs: 0,
});

/** Whose way to the hub it was done to. */
interface Victim {
  readonly name: string;
  readonly relay: Relay;
}

/** What a network that is broken does to some bytes in the middle of a stream. */
const DAMAGE_BYTES_MIN = 24;
/** So long a fault waits for bytes of whom it was meant for, who may stand still; then anybody's will do. */
const DAMAGE_WAIT_MS = 1_000;
/** Somebody always says something within this, as long as the round goes on. */
const DAMAGE_WAIT_MAX_MS = 30_000;

async function damage(
  world: World,
  fault: PlannedFault,
  apply: (bytes: Buffer, from: number, to: number) => Damaged,
): Promise<boolean> {
  const way = pick(world.ways, fault);
  if (way === undefined) return false;
  const { measure } = fault;
  const direction = Math.floor(measure * 1_000) % 2 === 0 ? "up" : "down";
  const over = new AbortController();
  const ask = ({ relay }: Victim) =>
    relay.damage(direction, DAMAGE_BYTES_MIN, over.signal, (bytes) => {
      over.abort();
      const from = Math.floor(measure * (bytes.length - 8));
      return apply(bytes, from, Math.min(bytes.length, from + 1 + Math.floor(measure * 300)));
    });
  ask(way);
  const waits = { ref: false, signal: over.signal };
  try {
    await pause(DAMAGE_WAIT_MS, undefined, waits);
    for (const other of world.ways) if (other.relay !== way.relay) ask(other);
    await pause(DAMAGE_WAIT_MAX_MS, undefined, waits);
  } catch {
    return true;
  }
  over.abort();
  return false;
}

/** Told at the moment of the fault, where it is one that its victim has to come back from. */
type Hit = (victim: Victim) => void;

async function onWay(
  world: World,
  fault: PlannedFault,
  act: (relay: Relay) => void | Promise<void>,
  hit: Hit = () => {},
): Promise<boolean> {
  const way = pick(
    world.ways.filter(({ relay }) => relay.connections > 0),
    fault,
  );
  if (way === undefined) return false;
  hit(way);
  await act(way.relay);
  return true;
}

type Inject = (world: World, fault: PlannedFault, hit: Hit) => Promise<boolean>;

/** How each fault is done; says whether it was, once its effects are over. */
export const faults: Readonly<Record<FaultKind, Inject>> = {
  "worker-kill": (world, fault) =>
    toVolunteer(world, fault, async (volunteer) => {
      await volunteer.kill();
      await pause(between(fault, 0, 1_000));
      await world.recruit();
    }),
  "worker-freeze": (world, fault) =>
    toVolunteer(world, fault, ({ program }) => freeze(program, between(fault, 200, 2 * LEASE_TTL_MS))),
  "worker-sleep": (world, fault) =>
    toVolunteer(world, fault, ({ program, home }) => sleep(program, home, 1.5 * LEASE_TTL_MS)),
  "worker-clock": (world, fault) =>
    toVolunteer(world, fault, ({ program, home }) => setClocks(program, home, jumpOf(fault))),
  "worker-drain": (world, fault) =>
    toVolunteer(world, fault, async (volunteer) => {
      const [wrong] = await Promise.all([volunteer.drain(), world.recruit()]);
      if (wrong !== "") world.findings.isWrong(wrong);
    }),
  "worker-join": async (world) => {
    await world.recruit();
    return true;
  },
  "hub-kill": async ({ hub }, fault) => {
    await hub.kill(between(fault, 0, 800));
    return true;
  },
  "hub-freeze": async ({ hub }, fault) => {
    await hub.up;
    await freeze(hub.program, between(fault, 200, 2 * LEASE_TTL_MS));
    return true;
  },
  "hub-sleep": async ({ hub }, fault) => {
    await hub.up;
    await sleep(hub.program, hub.home, between(fault, 200, LEASE_TTL_MS));
    return true;
  },
  "hub-clock": async ({ hub }, fault) => {
    await hub.up;
    await setClocks(hub.program, hub.home, jumpOf(fault));
    return true;
  },
  "client-kill": async (world, fault) => {
    const submitter = pick(
      world.submitters.filter(({ program }) => program.running),
      fault,
    );
    await submitter?.restart();
    return submitter !== undefined;
  },
  "client-freeze": async (world, fault) => {
    const submitter = pick(
      world.submitters.filter(({ program }) => program.running),
      fault,
    );
    if (submitter !== undefined) await freeze(submitter.program, between(fault, 200, 2_500));
    return submitter !== undefined;
  },
  "net-cut": (world, fault, hit) => onWay(world, fault, (relay) => relay.cut(), hit),
  "net-half-open": (world, fault, hit) => onWay(world, fault, (relay) => relay.silence(), hit),
  "net-delay": (world, fault) =>
    onWay(world, fault, async (relay) => {
      relay.delay(between(fault, 20, 400));
      await pause(1_500);
      relay.delay(0);
    }),
  "net-drop": (world, fault) =>
    damage(world, fault, (bytes, from, to) => ({
      bytes: Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]),
    })),
  "net-truncate": (world, fault) =>
    damage(world, fault, (bytes, from) => ({ bytes: bytes.subarray(0, from), end: true })),
  "net-duplicate": (world, fault) =>
    damage(world, fault, (bytes, from, to) => {
      // Now and then whole messages, which no framing can tell from others.
      const piece = fault.measure < 0.4 ? bytes : bytes.subarray(from, to);
      return { bytes: Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to)]) };
    }),
  "disk-full": async ({ hub }, fault) => {
    await hub.fillDisk();
    await pause(between(fault, 200, 1_500));
    await hub.freeDisk();
    return true;
  },
};
