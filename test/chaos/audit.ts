import { setTimeout as pause } from "node:timers/promises";
import { connect } from "../../src/client/index.ts";
import { answerOf, outcomeLine } from "./answers.ts";
import type { Assignment } from "./assignment.ts";
import { type Findings, Transcript } from "./transcript.ts";
import type { World } from "./world.ts";

/** How many inputs of an assignment must fail. */
function failuresOf({ task, count }: Assignment): number {
  let failures = 0;
  for (let n = 0; n < count; n++) if ("kinds" in answerOf(task, n)) failures++;
  return failures;
}

/** Asks the hub itself: the detached jobs' results, their counts, and what became of all jobs. */
export async function auditHub(world: World, reading: string): Promise<void> {
  const { findings, hub, submitters } = world;
  await hub.up;
  const cluster = await connect({ hub: hub.place.submitInvite });
  try {
    const known = new Map<string, Assignment>();
    for (const { assignments, jobs } of submitters) {
      for (const assignment of assignments) {
        const id = jobs[assignment.name];
        if (id !== undefined) known.set(id, assignment);
      }
    }
    for (const [id, assignment] of known) {
      const transcript = new Transcript({ ...assignment, ordered: true });
      for await (const outcome of cluster.job(id).results({ ordered: true })) {
        transcript.add(outcomeLine(assignment.name, outcome));
      }
      transcript.audit(findings, true, reading);
      auditCounts(findings, reading, assignment, await cluster.job(id).status());
    }
    const killed = submitters.some(({ lives }) => lives > 1);
    for (const { job, title, state } of await cluster.jobs()) {
      if (state === "done" || (killed && !known.has(job))) continue;
      findings.isWrong(`${reading}: job ${title} (${job}) is ${state}`);
    }
  } catch (error) {
    findings.isWrong(`${reading}: ${String(error)}`);
  } finally {
    await cluster.close();
  }
}

function auditCounts(
  findings: Findings,
  reading: string,
  assignment: Assignment,
  status: Readonly<Record<"size" | "done" | "failed" | "running" | "retrying", number>> & { state: string },
): void {
  const { count, name } = assignment;
  const failed = failuresOf(assignment);
  const expected = { state: "done", size: count, done: count, failed, running: 0, retrying: 0 };
  const { state, size, done, failed: failedNow, running, retrying } = status;
  const got = JSON.stringify({ state, size, done, failed: failedNow, running, retrying });
  const wanted = JSON.stringify(expected);
  if (got !== wanted) findings.isWrong(`${reading}, ${name}: ${got} instead of ${wanted}`);
}

/** A hub that says nothing for so long is down. */
const SILENCE_MS = 5_000;

/** What the hub says of itself, for whoever looks for the reason of a hang. */
export async function hubState({ hub }: World): Promise<string> {
  const silence = pause(SILENCE_MS, `it does not answer: ${hub.program.stderr}`, { ref: false });
  return Promise.race([stateOf(hub.place.submitInvite).catch(String), silence]);
}

async function stateOf(invite: string): Promise<string> {
  const cluster = await connect({ hub: invite });
  try {
    return JSON.stringify([await cluster.status(), await cluster.jobs(), await cluster.workers()]);
  } finally {
    await cluster.close();
  }
}
