import { settlePeople } from "./ballots/ballots.ts";
import { candidatesFull } from "./ballots/closing.ts";
import { answersCompared } from "./ballots/comparisons.ts";
import { jobAdjusted } from "./jobs/adjust.ts";
import { endJobs, inputsAppended, inputsSealed, jobCancelled, jobSubmitted } from "./jobs/jobs.ts";
import { outputLost } from "./jobs/stages.ts";
import { projectLimited } from "./leases/quota.ts";
import { workerHolds } from "./matching/locality.ts";
import { stir } from "./state/chance.ts";
import type { Scheduler } from "./state/state.ts";
import { personForgiven, personRecalled, reportPeople } from "./trust/people.ts";
import type { EventOf, SchedulerEffect, SchedulerEvent } from "./types.ts";
import { dispatch } from "./workers/dispatch.ts";
import { setAlarm, tick } from "./workers/time.ts";
import { lateResults, unitProgressed, unitReturned } from "./workers/units.ts";
import { workerDraining, workerHeard, workerJoined, workerLost } from "./workers/workers.ts";

/** What each event changes. None throws, whatever the event holds. */
const transitions: { readonly [T in SchedulerEvent["type"]]: (state: Scheduler, event: EventOf<T>) => void } =
  {
    JobSubmitted: jobSubmitted,
    InputsAppended: inputsAppended,
    InputsSealed: inputsSealed,
    JobCancelled: jobCancelled,
    JobAdjusted: jobAdjusted,
    WorkerJoined: workerJoined,
    WorkerHeard: workerHeard,
    WorkerHolds: workerHolds,
    ProjectLimited: projectLimited,
    WorkerDraining: workerDraining,
    WorkerLost: workerLost,
    UnitProgressed: unitProgressed,
    UnitReturned: unitReturned,
    LateResults: lateResults,
    OutputLost: outputLost,
    AnswersCompared: answersCompared,
    CandidatesFull: candidatesFull,
    PersonForgiven: personForgiven,
    PersonRecalled: personRecalled,
    Tick: tick,
  };

/**
 * Takes an event in and says what is to be done, in this order. Changes `state`. Events about jobs,
 * workers or leases that are not there (any more) do nothing.
 */
export function step(state: Scheduler, event: SchedulerEvent): SchedulerEffect[] {
  state.effects = [];
  state.nowMs = Math.max(state.nowMs, event.nowMs);
  if ("random" in event && event.random !== undefined) stir(state.chance, event.random);
  transition(state, event);
  settlePeople(state);
  endJobs(state);
  dispatch(state);
  setAlarm(state);
  reportPeople(state);
  return state.effects;
}

function transition<T extends SchedulerEvent["type"]>(state: Scheduler, event: EventOf<T>): void {
  const type: T = event.type as T;
  transitions[type](state, event);
}
