/*
 * What do liars get accepted, and what does it cost to refuse them? A hundred people answer 15,000 inputs. Without a quorum a share of
 * liars is a share of wrong results; with `2 of 3` there are none of those who lie from the start, whether each input is voted on or
 * people who were right before are believed. Sleepers, who are honest for 30 inputs and then lie together, can meet.
 *
 *   npx musketeers simulate examples/simulations/liars.ts --seed 1 --json
 */
import type { JobScenario, Population, Scenario, Study } from "musketeers/simulator";

const people = 100;
const inputsEach = 150;

type Quorum = NonNullable<JobScenario["quorum"]>;
const adaptive: Quorum = { agree: 2, of: 3 };
const voted: Quorum = { agree: 2, of: 3, adaptive: false };
const threeOfFive: Quorum = { agree: 3, of: 5 };

const among = (name: string, others: readonly Population[], quorum?: Quorum, jobs = 1): Scenario => {
  const honest = people - 1 - others.reduce((sum, { count }) => sum + count, 0);
  return {
    name,
    durationMs: 24 * 3_600_000,
    mustFinish: true,
    jobs: Array.from({ length: jobs }, (_, at) => ({
      name: `fold ${at + 1}`,
      arrivalMs: at * 1_800_000,
      inputs: people * inputsEach,
      workMs: 1_000,
      ...(quorum === undefined ? {} : { quorum }),
    })),
    populations: [
      { name: "the operator's own", count: 1, trusted: true },
      { name: "honest", count: honest },
      ...others.filter(({ count }) => count > 0),
    ],
  };
};

/** So many of a hundred, half of them on their own, half in a ring. */
const liars = (count: number): Population[] => [
  { name: "liars", count: count / 2, conduct: "liar" },
  { name: "colluders", count: count / 2, conduct: "colluder" },
];
const sleepers = (count: number): Population[] => [{ name: "sleepers", count, conduct: "sleeper" }];

const shares = [0, 10, 20, 30];

export default {
  name: "Liars",
  description: `${people} people, ${people * inputsEach} inputs of a second; what is accepted wrongly, and what it costs.`,
  cases: [
    ...shares.map((share) => among(`${share} % liars, no quorum`, liars(share))),
    ...shares.map((share) => among(`${share} % liars, 2 of 3, adaptive`, liars(share), adaptive)),
    ...shares.map((share) => among(`${share} % liars, 2 of 3, all voted on`, liars(share), voted)),
    among("honest people, two jobs, 2 of 3, adaptive", [], adaptive, 2),
    ...[5, 10, 20, 30].flatMap((share) => [
      among(`${share} % sleepers, 2 of 3, adaptive`, sleepers(share), adaptive),
      among(`${share} % sleepers, 2 of 3, all voted on`, sleepers(share), voted),
      among(`${share} % sleepers, 3 of 5, adaptive`, sleepers(share), threeOfFive),
    ]),
  ],
} satisfies Study;
