import { type JobSpec, projectOf } from "../../protocol/index.ts";
import { RunQueue } from "../state/run-queue.ts";
import { type Demand, type Job, openSlots, type Scheduler, type Worker } from "../state/state.ts";
import { lackOf } from "./match.ts";

/** What a job asks of workers; compared with every connected one where no other job asks the same. */
export function demandOf(state: Scheduler, spec: JobSpec): Demand {
  const { task, options } = spec;
  const project = projectOf(spec);
  const { net, image, memoryBytes } = task;
  const { needs } = options;
  const signed = task.proof !== undefined;
  const key = JSON.stringify([project, memoryBytes, net, image, needs, signed]);
  let demand = state.demands.get(key);
  if (demand === undefined) {
    demand = {
      key,
      project,
      needs,
      net,
      image,
      memoryBytes,
      signed,
      jobs: new Set(),
      queue: new RunQueue(),
      workers: new Set(),
      slots: 0,
      lacks: new Map(),
    };
    state.demands.set(key, demand);
    for (const worker of state.workers.values()) compare(demand, worker);
  }
  return demand;
}

/** After a job left: nobody else may ask this. */
export function dropIfUnused(state: Scheduler, demand: Demand): void {
  if (demand.jobs.size > 0) return;
  state.demands.delete(demand.key);
  for (const worker of demand.workers) worker.demands.delete(demand);
}

function compare(demand: Demand, worker: Worker): void {
  const lack = lackOf(demand, worker.description);
  if (lack !== undefined) {
    demand.lacks.set(lack, (demand.lacks.get(lack) ?? 0) + 1);
    return;
  }
  demand.workers.add(worker);
  demand.slots += openSlots(worker);
  worker.demands.add(demand);
}

/** Enters a worker that joined. */
export function enrol(state: Scheduler, worker: Worker): void {
  state.slots += openSlots(worker);
  for (const demand of state.demands.values()) compare(demand, worker);
}

/** Takes a worker out that left. */
export function dismiss(state: Scheduler, worker: Worker): void {
  offer(state, worker, 0);
  for (const demand of state.demands.values()) {
    if (demand.workers.delete(worker)) continue;
    const lack = lackOf(demand, worker.description)!;
    const others = demand.lacks.get(lack)! - 1;
    if (others > 0) demand.lacks.set(lack, others);
    else demand.lacks.delete(lack);
  }
  for (const job of worker.refused) job.refusedBy.delete(worker);
}

/** Changes how many slots a worker offers. */
export function offer(state: Scheduler, worker: Worker, slots: number, draining = worker.draining): void {
  const before = openSlots(worker);
  worker.slots = slots;
  worker.draining = draining;
  const more = openSlots(worker) - before;
  if (more === 0) return;
  state.slots += more;
  for (const demand of worker.demands) demand.slots += more;
}

/** Marks that a worker will not run a job, for as long as it stays connected. */
export function refuse(worker: Worker, job: Job): void {
  worker.refused.add(job);
  job.refusedBy.add(worker);
}

export const canServe = (worker: Worker, job: Job): boolean =>
  worker.demands.has(job.demand) && !worker.refused.has(job);

/** Why no connected worker can serve a job, in plain words; empty where one can. */
export function whyUnserved(state: Scheduler, job: Job): string {
  const { demand } = job;
  if (state.workers.size === 0) return "no worker is connected";
  if (demand.workers.size === 0) {
    let commonest = "";
    let most = 0;
    for (const [lack, count] of demand.lacks) {
      if (count <= most) continue;
      commonest = lack;
      most = count;
    }
    const others = demand.lacks.size > 1 ? " and meets its other needs" : "";
    return `no connected worker ${commonest}${others}`;
  }
  let why = "every worker that could serve it refused it";
  for (const worker of demand.workers) {
    if (worker.refused.has(job)) continue;
    if (!worker.draining && worker.slots > 0) return "";
    why = "the workers that could serve it take no new work";
  }
  return why;
}
