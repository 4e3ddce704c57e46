import { among, between, sometimes } from "../environment/choices.ts";
import type { Availability, JobScenario, Population, Random, Scenario } from "../types.ts";

/*
 * Random scenarios in which results of strangers must be believed: some of them lie, some come and go, and what
 * else happens in the scenario happens to them, too. Somebody is vouched for and stays, so that every job can end.
 */

/**
 * Some scenarios ask for quorums, with honest strangers, liars, colluders and sleepers.
 * @param shuffling for those of shuffles
 */
export function withStrangers(scenario: Scenario, random: Random, shuffling: Random): Scenario {
  if (!random.chance(0.2)) return scenario;
  const vouched: Partial<Population> = {
    trusted: true,
    count: 1,
    slots: 1,
    speed: among(random, 0.5, 1),
    // Until it comes canaries are all that proves anybody.
    startMs: among(random, 0, 5_000, 20_000),
  };
  return {
    ...scenario,
    // One slot must be able to do all of it.
    durationMs: 4 * scenario.durationMs,
    jobs: scenario.jobs.map((job) => ({
      ...job,
      ...quorumOf(job.shuffle === undefined ? random : shuffling),
    })),
    populations: [
      ...scenario.populations.map((population) =>
        population.availability === undefined ? { ...population, ...vouched } : population,
      ),
      ...strangers(random),
    ],
    limits: {
      ...scenario.limits,
      provenStreakMin: among(random, 3, 3, 10),
      checkIntervalInputsMax: among(random, 3, 10, 100),
      undecidedInputsMax: among(random, 5, 10_000),
      peopleSaveMs: among(random, 1, 1_000, 10_000),
    },
  };
}

function quorumOf(random: Random): Pick<JobScenario, "quorum" | "canaries" | "engineShare"> {
  const agree = among(random, 2, 2, 3);
  const quorum = {
    agree,
    of: agree + random.int(3),
    adaptive: random.chance(0.7),
    deterministic: random.chance(0.5),
  };
  const canaries = among(random, 0, 0, 4, 20);
  return {
    ...(random.chance(0.85) ? { quorum, canaries } : {}),
    // Whoever says that answers are the same everywhere must be right.
    engineShare: quorum.deterministic ? 0 : sometimes(random, 0.5, 0.3),
  };
}

function strangers(random: Random): Population[] {
  const anywhere = (): Partial<Population> => ({
    slots: 1 + random.int(2),
    engineClass: among(random, "v8", "v8", "spidermonkey"),
    ...(random.chance(0.3) ? { availability: comingAndGoing(random) } : {}),
  });
  const honest: Population = {
    ...anywhere(),
    name: "strangers",
    count: 2 + random.int(5),
    nodesPerPerson: among(random, 1, 1, 2),
    corruptionRate: sometimes(random, 0.3, 0.05),
    engineClass: "v8",
  };
  const populations = [honest];
  const add = (probability: number, population: Population) => {
    if (random.chance(probability)) populations.push(population);
  };
  add(0.4, { ...anywhere(), name: "others", count: 1 + random.int(3), engineClass: "spidermonkey" });
  add(0.4, { ...anywhere(), name: "liars", count: 1 + random.int(3), conduct: "liar" });
  add(0.5, {
    ...anywhere(),
    name: "colluders",
    count: 2 + random.int(3),
    nodesPerPerson: among(random, 1, 1, 4),
    conduct: "colluder",
  });
  add(0.4, {
    ...anywhere(),
    name: "sleepers",
    count: 1 + random.int(3),
    conduct: "sleeper",
    honestInputs: among(random, 3, 8, 30),
  });
  return populations;
}

function comingAndGoing(random: Random): Availability {
  const stayMs = between(random, 1_000, 20_000);
  return (own, { turn }) => ({ online: turn % 2 === 0, forMs: own.exponential() * stayMs });
}
