import { expect, test, vi } from "vitest";
import { defaultLimits, MusketeersError } from "../../protocol/index.ts";
import type { ClusterData } from "../datasets/cluster-data.ts";
import type { SubmissionHost } from "../jobs/submission.ts";
import { SavedRounds } from "./saved-rounds.ts";

test("iterateSaveIntervalMs: rounds that follow each other faster are not all kept, the last one always", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const put = vi.fn(async () => ({}));
    const stat = () => Promise.reject(new MusketeersError("NOT_FOUND", "There is no such dataset"));
    const data = { put, dataset: () => ({ stat }) } as unknown as ClusterData;
    const host = { limits: defaultLimits } as SubmissionHost;
    const [saved, before] = await SavedRounds.open(host, data, "name", []);
    expect(before).toBeUndefined();
    const puts: number[] = [];
    for (let round = 1; round <= 7; round++) {
      await saved.save({ round, value: round, converged: false }, round === 7);
      vi.advanceTimersByTime(defaultLimits.iterateSaveIntervalMs * 0.4);
      puts.push(put.mock.calls.length);
    }
    expect(puts).toEqual([1, 1, 1, 2, 2, 2, 3]);
  } finally {
    vi.useRealTimers();
  }
});
