import type { Random } from "../../src/simulator/index.ts";
import { type Answer, colludersLie, ownLie, rightAnswer, sleepersLie } from "./answers.ts";

/* Who takes part. What each one is stands here and nowhere else: the hub gets no hint. */

export const kinds = [
  "honest",
  "vouched",
  "wrong",
  "colluder",
  "crowd",
  "sleeper",
  "thief",
  "replayer",
  "inventor",
  "braggart",
] as const;
export type Kind = (typeof kinds)[number];

export const aboutKind: Readonly<Record<Kind, string>> = {
  honest: "right answers",
  vouched: "right answers, and the operator vouches for it",
  wrong: "wrong answers, each its own",
  colluder: "the same wrong answers from the start, different people",
  crowd: "the same wrong answers from the start, workers of one person",
  sleeper: "honest at first, then lying together, different people",
  thief: "wrong answers, also to leases of others",
  replayer: "each result twice, then another one for the same lease",
  inventor: "wrong answers, also to leases and ranges that nobody gave",
  braggart: "wrong answers, and a thousand times the time that they took",
};

/** One connection. */
export interface Role {
  readonly kind: Kind;
  /** Connections with the same number are one person's. */
  readonly person: number;
}

/** What the operator calls a person; it says nothing of what that one is. */
export const personOf = ({ person }: Role): string => `person-${person}`;

/** How many connections of each kind take part. */
export type Cast = Readonly<Partial<Record<Kind, number>>>;

export const isLiar = (kind: Kind): boolean => kind !== "honest" && kind !== "vouched";

/** The hundred of the issue: twenty of them lie. One of the others is the operator's own, so that anybody gets proven. */
export const hundred: Cast = {
  honest: 79,
  vouched: 1,
  wrong: 3,
  colluder: 4,
  crowd: 4,
  sleeper: 5,
  thief: 1,
  replayer: 1,
  inventor: 1,
  braggart: 1,
};

/** In a random order, so that the hub cannot tell anything by who comes when. */
export function rolesOf(cast: Cast, random: Random): Role[] {
  const everyone = kinds.flatMap((kind) => Array.from({ length: cast[kind] ?? 0 }, () => kind));
  const crowd = everyone.indexOf("crowd");
  const roles = everyone.map((kind, at) => ({ kind, person: kind === "crowd" ? crowd : at }));
  for (let last = roles.length - 1; last > 0; last--) {
    const other = random.int(last + 1);
    [roles[last], roles[other]] = [roles[other]!, roles[last]!];
  }
  return roles;
}

/** What a connection answers an input, where it has answered so many before. */
export function answerOf(
  kind: Kind,
  input: number,
  { answered, honestFor, random }: { answered: number; honestFor: number; random: Random },
): Answer {
  switch (kind) {
    case "honest":
    case "vouched":
      return rightAnswer(input);
    case "colluder":
    case "crowd":
      return colludersLie(input);
    case "sleeper":
      return answered < honestFor ? rightAnswer(input) : sleepersLie(input);
    case "wrong":
    case "thief":
    case "replayer":
    case "inventor":
    case "braggart":
      return ownLie(input, random.int(2 ** 30));
  }
}
