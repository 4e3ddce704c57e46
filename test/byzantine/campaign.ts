import { defaultLimits, type JobOptions, type Limits, type QuorumSpec } from "../../src/protocol/index.ts";
import { seededRandom } from "../../src/simulator/index.ts";
import { Auditor } from "./auditor.ts";
import { type Cast, isLiar, personOf, rolesOf } from "./cast.ts";
import { Site } from "./site.ts";
import { Submitter } from "./submitter.ts";
import { Volunteer } from "./volunteer.ts";
import { Watcher } from "./watcher.ts";

export interface CampaignOptions {
  readonly cast: Cast;
  readonly seed: number;
  /** Inputs of the job for each connection. */
  readonly unitsEach: number;
  readonly quorum: QuorumSpec;
  /** Units for which sleepers are honest. */
  readonly honestFor: number;
  /** What an input takes. */
  readonly workMs: number;
  readonly onProgress?: (done: number, of: number) => void;
}

export interface Campaign {
  readonly inputs: number;
  readonly auditor: Auditor;
  readonly volunteers: readonly Volunteer[];
  readonly watcher: Watcher;
  /** Answers that volunteers gave to units of theirs, for each input accepted, minus one. */
  readonly overhead: number;
  /** Liars that the hub had found when the job ended; of the rest some are found in later jobs. */
  readonly foundInTime: number;
  /** Credit by person, in seconds of the reference core. */
  readonly credit: ReadonlyMap<string, number>;
  readonly tookMs: number;
}

const HOUR_MS = 3_600_000;
/** Jobs behind the first one, in which liars can go on to give themselves away. */
const LATER_JOBS_MAX = 5;
const LATER_UNITS_EACH = 20;

async function gather(
  submitter: Submitter,
  { cast, seed, honestFor, workMs }: CampaignOptions,
  limits: Limits,
): Promise<Volunteer[]> {
  const roles = rolesOf(cast, seededRandom(seed, 0));
  const invites = new Map<string, string>();
  const booty: string[] = [];
  const volunteers: Volunteer[] = [];
  for (const [at, role] of roles.entries()) {
    const person = personOf(role);
    let invite = invites.get(person);
    if (invite === undefined) {
      const trusted = role.kind === "vouched";
      const params = { role: "worker", expiresInMs: HOUR_MS, person, trusted } as const;
      ({ invite } = await submitter.call("invite", params));
      invites.set(person, invite);
    }
    const random = seededRandom(seed, 1, at);
    const name = `volunteer-${at}`;
    volunteers.push(new Volunteer({ role, name, invite, random, limits, honestFor, workMs, booty }));
  }
  await Promise.all(volunteers.map((volunteer) => volunteer.join()));
  return volunteers;
}

/** The work of one hub: a job from its first input to its last result, and more of them while a liar is at large. */
async function work(
  submitter: Submitter,
  volunteers: Volunteer[],
  options: CampaignOptions,
): Promise<Campaign> {
  const { unitsEach, quorum, onProgress } = options;
  const inputs = unitsEach * volunteers.length;
  const auditor = new Auditor();
  const watcher = new Watcher(submitter, volunteers, () => auditor.accepted);
  const jobOptions: Partial<JobOptions> = { quorum };
  const startedMs = performance.now();
  const watching = watcher.watch(() => onProgress?.(auditor.accepted, inputs));
  await submitter.run(inputs, jobOptions, auditor);
  const tookMs = performance.now() - startedMs;
  await watcher.stop();
  await watching;
  const answered = volunteers.reduce((sum, volunteer) => sum + volunteer.answered, 0);
  const overhead = answered / Math.max(1, auditor.accepted) - 1;
  const foundInTime = watcher.found.size;
  const liars = volunteers.filter(({ role }) => isLiar(role.kind)).length;
  for (let later = 0; later < LATER_JOBS_MAX && watcher.found.size < liars; later++) {
    await submitter.run(LATER_UNITS_EACH * volunteers.length, jobOptions, new Auditor());
    await watcher.look();
  }
  const rows = await submitter.call("credit", {});
  const credit = new Map(rows.map(({ person, seconds }) => [person, seconds]));
  return { inputs, auditor, volunteers, watcher, overhead, foundInTime, credit, tookMs };
}

/** A hub of its own, everybody of the cast, and a job. */
export async function runCampaign(options: CampaignOptions): Promise<Campaign> {
  // Each input is a unit, so that a unit is what BOINC calls a result.
  const changes: Partial<Limits> = { unitInputsMax: 1 };
  const limits: Limits = { ...defaultLimits, ...changes };
  const site = await Site.start(changes);
  let volunteers: Volunteer[] = [];
  let submitter: Submitter | undefined;
  try {
    submitter = await Submitter.at(site.invite, limits);
    volunteers = await gather(submitter, options, limits);
    return await work(submitter, volunteers, options);
  } finally {
    for (const volunteer of volunteers) volunteer.leave();
    submitter?.close();
    await site.stop();
  }
}
