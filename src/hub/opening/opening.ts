import type { Server } from "node:http";
import { join } from "node:path";
import { type Engine, embeddedEngine, memoryEngine, type Registry } from "../../engine/index.ts";
import { defaultLimits, type Limits, MusketeersError, toMusketeersError } from "../../protocol/index.ts";
import { createScheduler, finishRecovery, recoverRecord, type Scheduler } from "../../scheduler/index.ts";
import { newSecretKey } from "../../security/index.ts";
import { loadOrCreateKey } from "../../security/node.ts";
import { type Tracer, tracerFromEnvironment } from "../../tracing/index.ts";
import { systemClock } from "../clock.ts";
import { Coordinator } from "../coordinator.ts";
import { Credit } from "../credit/index.ts";
import { Datasets } from "../datasets/datasets.ts";
import { createHttpServer } from "../http/http-server.ts";
import { tlsOf } from "../http/tls.ts";
import { Hub } from "../hub.ts";
import { Invites } from "../invites/invites.ts";
import { Takers } from "../invites/takers.ts";
import { readJournal } from "../journal/recovery.ts";
import { LeaseSeal } from "../leases/lease-seal.ts";
import { Projects } from "../projects/projects.ts";
import { Accounts, openAccountsMarks } from "../recovery/accounts.ts";
import { Keepers } from "../recovery/keepers.ts";
import { People, recoverPeople } from "../trust/index.ts";
import { type Backup, restoreBackup } from "./backup.ts";
import { openAddress } from "./hub-address.ts";
import type { HubOptions } from "./hub-options.ts";
import { KEY_NAME } from "./key-name.ts";
import { recoveryNotice } from "./recovery-notice.ts";

async function openEngine(
  { data, durability, onNotice }: HubOptions,
  limits: Limits,
  onLost: (error: MusketeersError) => void,
): Promise<Engine> {
  if (data === undefined) return memoryEngine({ limits });
  const engine = await embeddedEngine(data, { durability: durability ?? "default", limits, onLost });
  if (engine.recovery !== undefined) onNotice?.(recoveryNotice(engine.recovery));
  return engine;
}

async function recoverInto(data: string | undefined, backup: Backup): Promise<void> {
  if (data !== undefined) return restoreBackup(data, backup);
  throw new MusketeersError("BAD_ARGUMENT", "A hub that keeps nothing on disk cannot be recovered");
}

/** Who may come in, and to what. */
async function openDoors(registry: Registry, secretKey: Uint8Array, limits: Limits) {
  const { wallMs } = systemClock;
  const invites = await Invites.open(registry, secretKey, wallMs, limits);
  const takers = await Takers.open(registry, limits, wallMs);
  const projects = await Projects.open(registry, limits, wallMs);
  return { invites, takers, projects };
}

interface StandingParts {
  readonly registry: Registry;
  readonly limits: Limits;
  readonly secretKey: Uint8Array;
  readonly recovering: Scheduler;
  readonly onFault: (thrown: unknown) => void;
}

/** Who did how much, and who is believed; it outlives jobs, restarts and the disk. */
async function openStanding(
  { recover, onNotice = () => {} }: HubOptions,
  { registry, limits, secretKey, recovering, onFault }: StandingParts,
) {
  const { wallMs } = systemClock;
  const marks = await openAccountsMarks(registry, recover !== undefined, wallMs());
  const credit = await Credit.open({ registry, limits, wallMs, lifeMs: marks.lifeMs });
  const known = await recoverPeople(registry, recovering);
  const people = new People(registry, limits.peopleSaveMs, onFault, known);
  const accounts = new Accounts({ secretKey, registry, limits, wallMs, marks, credit, people, onNotice });
  credit.onChanged = () => accounts.changed();
  people.onChanged = () => accounts.changed();
  return { credit, people, accounts };
}

function hubTracer({ onNotice }: HubOptions, limits: Limits): Tracer | undefined {
  const onFault = (error: unknown) => onNotice?.(`traces: ${toMusketeersError(error).message}`);
  return tracerFromEnvironment(process.env, { service: "musketeers-hub", limits, onFault });
}

/**
 * Starts a hub: takes up what its data directory holds, then listens.
 * @throws MusketeersError `ADDRESS_IN_USE`, `DATA_IN_USE`, `JOURNAL_CORRUPT`, `BAD_ARGUMENT`, `STORAGE`.
 */
export async function startHub(options: HubOptions = {}): Promise<Hub> {
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const { data } = options;
  let hub: Hub | undefined;
  const onFault = (thrown: unknown) => {
    options.onFault?.(toMusketeersError(thrown));
    hub?.close().catch(() => {});
  };
  if (options.recover !== undefined) await recoverInto(data, options.recover);
  const engine = await openEngine(options, limits, onFault);
  let server: Server | undefined;
  try {
    const listen = options.listen ?? "127.0.0.1:7077";
    const tls = await tlsOf(options, listen, systemClock.wallMs());
    server = createHttpServer(limits, tls);
    const secretKey = data === undefined ? newSecretKey() : await loadOrCreateKey(join(data, KEY_NAME));
    const doors = await openDoors(engine.registry, secretKey, limits);
    const { invites, projects } = doors;
    const recovering = createScheduler(limits);
    const { jobs, leftovers, ...read } = await readJournal(engine, limits, (record) =>
      recoverRecord(recovering, record),
    );
    const { registry, blobs } = engine;
    const datasets = await Datasets.open({ registry, blobs, limits, wallMs: systemClock.wallMs });
    const standing = await openStanding(options, { registry, limits, secretKey, recovering, onFault });
    const keepers = await Keepers.open({
      secretKey,
      registry,
      blobs,
      datasets,
      invites,
      accounts: standing.accounts,
      limits,
      wallMs: systemClock.wallMs,
      recover: options.recover !== undefined,
      onNotice: options.onNotice ?? (() => {}),
    });
    const scheduler = finishRecovery(recovering, systemClock.nowMs());
    const url = await openAddress(server, listen, tls, engine.registry, options);
    hub = new Hub({
      server,
      url,
      tls: tls !== undefined,
      tlsPin: tls?.pin ?? null,
      name: options.name ?? "hub",
      secretKey,
      engine,
      ...doors,
      limits,
      coordinator: (callHost) =>
        new Coordinator({
          engine,
          limits,
          clock: systemClock,
          seal: new LeaseSeal(secretKey),
          scheduler,
          jobs,
          datasets,
          projects,
          keepers,
          ...standing,
          recordsRead: read.records,
          leftovers,
          callHost,
          tracer: options.tracer ?? hubTracer(options, limits),
          onFault,
        }),
    });
    return hub;
  } catch (error) {
    server?.close();
    await engine.close();
    throw error;
  }
}
