import { expect, test } from "vitest";
import { runCampaign } from "./byzantine/campaign.ts";
import { castLines, summaryOf } from "./byzantine/report.ts";

/*
 * `npm run byzantine` with few people; the hundred are run beside the tests, with sleepers among them, for whom so
 * short a job is too short to be found out for certain.
 */

test("no wrong answer of independent liars, of workers of one person or of colluders is accepted, and all are found", {
  timeout: 300_000,
}, async () => {
  const cast = { honest: 6, vouched: 1, wrong: 1, colluder: 2, crowd: 2 } as const;
  const cheats = { thief: 1, replayer: 1, inventor: 1, braggart: 1 } as const;
  const campaign = await runCampaign({
    cast: { ...cast, ...cheats },
    seed: 5,
    unitsEach: 20,
    quorum: { agree: 2, of: 3, adaptive: true, deterministic: true },
    honestFor: 15,
    workMs: 5,
  });
  const { auditor, inputs, watcher } = campaign;
  expect(summaryOf(campaign)).toMatchObject({ accepted: inputs, wrongAccepted: 0, liars: 9, liarsFound: 9 });
  expect([auditor.failed, auditor.corrected, [...watcher.wronged]]).toEqual([0, 0, []]);
  // One line for each kind, and their heads.
  expect(castLines(campaign)).toHaveLength(10);
});
