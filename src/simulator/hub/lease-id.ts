import type { LeaseDescriptor } from "../../scheduler/index.ts";

/* What a hub seals into a lease's id, in the open: nobody here forges one. */

/** @param nonce makes ids of equal descriptors differ. */
export const leaseId = (descriptor: LeaseDescriptor, nonce: string): string => {
  const { job, worker, failures, strikes, ranges } = descriptor;
  const bounds = ranges.map((range) => range.join("-"));
  // Joined, it is one string; a template would keep its pieces alive as long as the lease.
  return [nonce, job, worker, failures, strikes, bounds.join()].join(" ");
};

export function openLeaseId(id: string): LeaseDescriptor {
  const [, job, worker, failures, strikes, ranges] = id.split(" ");
  return {
    job: job!,
    worker: worker!,
    failures: Number(failures),
    strikes: Number(strikes),
    ranges: ranges!.split(",").map((range): [number, number] => {
      const [start, end] = range.split("-");
      return [Number(start), Number(end)];
    }),
  };
}
