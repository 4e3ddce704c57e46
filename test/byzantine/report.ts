import type { Verdict } from "./auditor.ts";
import type { Campaign } from "./campaign.ts";
import { aboutKind, isLiar, type Kind, kinds, personOf } from "./cast.ts";
import type { Volunteer } from "./volunteer.ts";

/** What `--json` prints of a campaign. */
export interface Summary {
  readonly accepted: number;
  /** Without the sleepers' share. */
  readonly wrongAccepted: number;
  readonly sleepersWrong: number;
  readonly overhead: number;
  readonly liars: number;
  readonly liarsFound: number;
}

const liarsOf = ({ volunteers }: Campaign): Volunteer[] => volunteers.filter(({ role }) => isLiar(role.kind));
const round = (value: number, digits: number): number => Number(value.toFixed(digits));
const percent = (share: number): string => `${(100 * share).toFixed(share < 0.001 ? 4 : 2)} %`;
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
const middle = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0;

export function summaryOf(campaign: Campaign): Summary {
  const { auditor, watcher, overhead } = campaign;
  const { sleepers, colluders, other } = auditor.counts();
  return {
    accepted: auditor.accepted,
    wrongAccepted: colluders + other,
    sleepersWrong: sleepers,
    overhead: round(overhead, 4),
    liars: liarsOf(campaign).length,
    liarsFound: watcher.found.size,
  };
}

/** Whether nothing is wrong that may not be; what sleepers do when they meet by chance may. */
export function isSound(campaign: Campaign): boolean {
  const { wrongAccepted, liars, liarsFound, accepted } = summaryOf(campaign);
  const { auditor, inputs } = campaign;
  const isWhole = accepted === inputs && auditor.failed === 0;
  return wrongAccepted === 0 && liarsFound === liars && isWhole;
}

/** One line for each kind of volunteer. */
export function castLines(campaign: Campaign): string[] {
  const { volunteers, watcher, credit } = campaign;
  const lines = ["kind       who  answered       lies  mischief  closed  found after   credit  "];
  for (const kind of kinds) {
    const those = volunteers.filter(({ role }) => role.kind === kind);
    if (those.length === 0) continue;
    const answered = those.map((volunteer) => volunteer.answered);
    const found = those.flatMap((volunteer) => watcher.found.get(volunteer)?.lied ?? []);
    const earned = those.map(({ role }) => credit.get(personOf(role)) ?? 0);
    lines.push(
      [
        kind.padEnd(9),
        String(those.length).padStart(4),
        spread(answered).padStart(9),
        String(sum(those.map(({ lied }) => lied))).padStart(10),
        String(sum(those.map(({ mischief }) => mischief))).padStart(9),
        String(sum(those.map(({ downs }) => downs.length))).padStart(7),
        (isLiar(kind) ? `${spread(found)} lies` : "").padStart(12),
        `${middle(earned).toFixed(2)} s`.padStart(8),
        aboutKind[kind],
      ].join("  "),
    );
  }
  return lines;
}

const spread = (numbers: readonly number[]): string =>
  numbers.length === 0 ? "–" : `${Math.min(...numbers)}–${Math.max(...numbers)}`;

/** Lies of sleepers that would have been believed if nothing were run again: all but those that a vote refuted. */
export function believedOnWord({ volunteers, watcher }: Campaign): number {
  const sleepers = volunteers.filter(({ role }) => role.kind === "sleeper");
  const people = new Set(sleepers.map(({ role }) => personOf(role)));
  const refuted = sum([...people].map((person) => watcher.refuted.get(person) ?? 0));
  return Math.max(0, sum(sleepers.map(({ lied }) => lied)) - refuted);
}

/** The sleepers' part of what was accepted. */
export function sleepersLine(name: string, { auditor }: Campaign, chance: number): string {
  const { sleepers } = auditor.counts();
  const share = sleepers / Math.max(1, auditor.accepted);
  return `${name.padEnd(48)} ${String(sleepers).padStart(5)} of ${auditor.accepted}  ${percent(share).padStart(9)}  chance ${percent(chance)}`;
}

/** Of the connections those that may meet as sleepers. */
export const sleepersShare = ({ volunteers }: Campaign): number =>
  volunteers.filter(({ role }) => role.kind === "sleeper").length / volunteers.length;

/** When liars were found: by their own lies, and by what had been accepted of anybody. */
export function foundLines(campaign: Campaign): string[] {
  const findings = [...campaign.watcher.found.values()];
  const late = findings.length - campaign.foundInTime;
  return [
    `found ${findings.length} of ${liarsOf(campaign).length} liars, ${late} of them in a later job`,
    `half of them after ${middle(findings.map(({ lied }) => lied))} lies of theirs, when ` +
      `${percent(middle(findings.map(({ accepted }) => accepted)) / campaign.inputs)} of the job was accepted`,
    `honest people taken for liars: ${campaign.watcher.wronged.size}`,
  ];
}

/** Honest people whom the hub takes for liars: why, as far as it shows from outside. */
export function wrongedLines({ volunteers, watcher, auditor }: Campaign): string[] {
  const wrong = auditor.wrong;
  return [...watcher.wronged].map((person) => {
    const theirs = volunteers.filter(({ role }) => personOf(role) === person);
    const outvoted = wrong.filter((input) => theirs.some(({ said }) => said.has(input)));
    const answered = sum(theirs.map((volunteer) => volunteer.answered));
    return `  ${person}: ${answered} answers, refuted in ${watcher.refuted.get(person) ?? 0}, outvoted by liars in ${outvoted.length}`;
  });
}

/** What is wrong with what was accepted, in words. */
export function verdictLine({ auditor }: Campaign): string {
  const counts = auditor.counts();
  const of: readonly (readonly [Verdict, string])[] = [
    ["right", "right"],
    ["colluders", "of those who colluded from the start"],
    ["other", "of other liars"],
    ["sleepers", "of sleepers"],
  ];
  return of.map(([verdict, words]) => `${counts[verdict]} ${words}`).join(", ");
}

export const honestUnits = ({ volunteers }: Campaign): string =>
  spread(volunteers.flatMap(({ role, answered }) => (isLiar(role.kind) ? [] : [answered])));

export type { Kind };
