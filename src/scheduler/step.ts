import { jobAdjusted } from "./adjust.ts";
import { stir } from "./chance.ts";
import { dispatch } from "./dispatch.ts";
import { endJobs, inputsAppended, inputsSealed, jobCancelled, jobSubmitted } from "./jobs.ts";
import { workerHolds } from "./locality.ts";
import { projectLimited } from "./quota.ts";
import { outputLost } from "./stages.ts";
import type { Scheduler } from "./state.ts";
import { setAlarm, tick } from "./time.ts";
import { settlePeople } from "./trust/ballots.ts";
import { candidatesFull } from "./trust/closing.ts";
import { answersCompared } from "./trust/comparisons.ts";
import { personForgiven, reportPeople } from "./trust/people.ts";
import type { EventOf, SchedulerEffect, SchedulerEvent } from "./types.ts";
import { lateResults, unitProgressed, unitReturned } from "./units.ts";
import { workerDraining, workerHeard, workerJoined, workerLost } from "./workers.ts";

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
