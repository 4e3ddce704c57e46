import { z } from "zod";
import { defaultLimits, MusketeersError, QUORUM_MAX } from "../../protocol/index.ts";
import type {
  Availability,
  DatasetScenario,
  Draw,
  HubScenario,
  JobScenario,
  NetworkScenario,
  Population,
  Scenario,
  Study,
} from "../../simulator/index.ts";

/** One check for each word of a type, so that none is forgotten. */
type Words<T> = { readonly [K in keyof Required<T>]: z.ZodType };

const isFunction = (value: unknown): boolean => typeof value === "function";
const amount = z.number().nonnegative();
const share = z.number().min(0).max(1);
const whole = z.number().int().nonnegative();
const draw = z.union([amount, z.custom<Draw>(isFunction)], { error: "must be a number or a distribution" });

const network = z.strictObject({
  latencyMs: draw.optional(),
  jitterMs: draw.optional(),
  lossRate: share.optional(),
  retransmitMs: amount.optional(),
  breakRate: share.optional(),
  halfOpenShare: share.optional(),
  bytesPerSecond: z.number().positive().optional(),
} satisfies Words<NetworkScenario>);

const job = z.strictObject({
  name: z.string(),
  count: whole.optional(),
  arrivalMs: draw.optional(),
  inputs: draw,
  feed: z.strictObject({ inputsPerAppend: whole.min(1), everyMs: draw }).optional(),
  workMs: draw,
  inputBytes: whole.optional(),
  resultBytes: whole.optional(),
  retries: whole.optional(),
  backoffMs: amount.optional(),
  maxAttempts: whole.min(1).optional(),
  priority: z.number().optional(),
  failingShare: share.optional(),
  flakyShare: share.optional(),
  killerShare: share.optional(),
  timeoutMs: amount.optional(),
  hangingShare: share.optional(),
  unitOverheadMs: amount.optional(),
  checkpoint: z
    .strictObject({ intervalMs: z.number().positive(), costMs: amount, restartMs: amount })
    .optional(),
  shuffle: z.strictObject({ partitions: whole.min(1), reduceMs: draw }).optional(),
  quorum: z
    .strictObject({
      agree: whole.min(2),
      of: whole.min(2).max(QUORUM_MAX),
      adaptive: z.boolean().optional(),
      deterministic: z.boolean().optional(),
    })
    .refine(({ agree, of }) => agree <= of, "agree is more than of")
    .optional(),
  canaries: whole.max(defaultLimits.canariesMax).optional(),
  engineShare: share.optional(),
  labels: z.array(z.string()).optional(),
  reads: z.strictObject({ dataset: z.string(), inputsPerBlock: whole.min(1).optional() }).optional(),
  adjusted: z
    .array(
      z.strictObject({
        afterMs: amount,
        paused: z.boolean().optional(),
        priority: z.number().optional(),
      }),
    )
    .optional(),
  cancelAfterMs: amount.optional(),
} satisfies Words<JobScenario>);

const population = z.strictObject({
  name: z.string(),
  count: whole,
  nodesPerPerson: whole.min(1).optional(),
  conduct: z.enum(["honest", "liar", "colluder", "sleeper"]).optional(),
  honestInputs: whole.optional(),
  engineClass: z.string().optional(),
  slots: draw.optional(),
  speed: draw.optional(),
  availability: z.custom<Availability>(isFunction, "must be an availability").optional(),
  startMs: draw.optional(),
  departure: z
    .strictObject({ drain: amount.optional(), crash: amount.optional(), freeze: amount.optional() })
    .optional(),
  network: network.optional(),
  keepsOutputs: z.boolean().optional(),
  corruptionRate: share.optional(),
  clockJumpRate: share.optional(),
  refusedShare: share.optional(),
  overloadRate: share.optional(),
  clockRate: draw.optional(),
  labels: z.array(z.string()).optional(),
  trusted: z.boolean().optional(),
  diskLostShare: share.optional(),
  noSpaceRate: share.optional(),
  cacheBytes: amount.optional(),
  neighbourBytesPerSecond: z.number().positive().optional(),
} satisfies Words<Population>);

const hub = z.strictObject({
  crashesAtMs: z.array(amount).optional(),
  diskLostAtMs: z.array(amount).optional(),
  damagedAtMs: z.array(amount).optional(),
  lostRemoved: z.boolean().optional(),
  bytesPerSecond: z.number().positive().optional(),
  crashesPerHour: amount.optional(),
  restartMs: draw.optional(),
  appendMs: draw.optional(),
  unsyncedMs: amount.optional(),
  diskFull: z.array(z.strictObject({ fromMs: amount, untilMs: amount })).optional(),
  checkpointRecords: whole.min(1).optional(),
  stalls: z.array(z.strictObject({ atMs: amount, forMs: amount })).optional(),
  outputGraceMs: amount.optional(),
  messageMs: amount.optional(),
} satisfies Words<HubScenario>);

const dataset = z.strictObject({
  name: z.string(),
  count: whole.optional(),
  putMs: draw.optional(),
  removeAfterMs: amount.optional(),
  bytes: draw,
  blocks: draw,
  replicas: whole,
} satisfies Words<DatasetScenario>);

const limits = z
  .record(z.string(), z.number())
  .refine((given) => Object.keys(given).every((name) => Object.hasOwn(defaultLimits, name)), {
    error: ({ input }) =>
      `no limit ${Object.keys(input as object).find((name) => !Object.hasOwn(defaultLimits, name))}; docs/limits.md lists them`,
  });

const scenario = z.strictObject({
  name: z.string(),
  description: z.string().optional(),
  durationMs: z.number().positive(),
  endsWithJobs: z.boolean().optional(),
  jobs: z.array(job).min(1),
  datasets: z.array(dataset).optional(),
  populations: z.array(population).min(1),
  network: network.optional(),
  partitions: z.array(z.strictObject({ fromMs: amount, untilMs: amount, share })).optional(),
  hub: hub.optional(),
  limits: limits.optional(),
  mustFinish: z.boolean().optional(),
  mustShare: z.boolean().optional(),
} satisfies Words<Scenario>);

const study = z.strictObject({
  name: z.string(),
  description: z.string().optional(),
  cases: z.array(scenario).min(1),
} satisfies Words<Study>);

/**
 * Checks what a file gave, whichever way it was written.
 * @throws MusketeersError `BAD_ARGUMENT` that names the place, such as `populations[0].count`.
 */
export function checkStudy(path: string, given: unknown): Scenario | Study {
  if (typeof given !== "object" || given === null) {
    throw new MusketeersError("BAD_ARGUMENT", `${path} gives no scenario`, {
      hint: "A module exports it: export default { name, durationMs, jobs, populations } satisfies Scenario.",
    });
  }
  const checked = ("cases" in given ? study : scenario).safeParse(given, {
    error: ({ code, input }) => (code === "invalid_type" && input === undefined ? "is missing" : undefined),
  });
  if (checked.success) return checked.data as Scenario | Study;
  const lines = checked.error.issues.map(({ path: at, message }) => `${placeOf(at)}: ${message}`);
  throw new MusketeersError("BAD_ARGUMENT", `${path} is not right:\n  ${lines.join("\n  ")}`, {
    hint: 'docs/simulations.md says how a scenario is written, under "Write your own".',
  });
}

const placeOf = (path: readonly PropertyKey[]): string =>
  path.length === 0
    ? "the scenario"
    : path
        .map((key, at) => (typeof key === "number" ? `[${key}]` : `${at > 0 ? "." : ""}${String(key)}`))
        .join("");
