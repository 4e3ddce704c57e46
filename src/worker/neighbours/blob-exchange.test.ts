import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { defaultLimits, type NeighbourToHub } from "../../protocol/index.ts";
import { BlobExchange, type Surroundings } from "./blob-exchange.ts";
import type { Places } from "./places.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const { whereaboutsIntervalMs } = defaultLimits;

const unused = async (): Promise<never> => {
  throw new Error("nobody asks");
};

/** A worker that serves, on a machine whose clock and place can be set. */
function exchange() {
  const sent: NeighbourToHub[] = [];
  const machine = { address: "10.0.0.1", nowMs: 0 };
  const placesNow = (): Places => ({
    places: [{ network: "lan", address: machine.address }],
    includes: () => true,
  });
  const surroundings: Surroundings = {
    places: placesNow,
    server: { port: 7078, key: new Uint8Array(32), nowMs: () => machine.nowMs },
    fetchBlob: unused,
    attach: () => {},
    close: async () => {},
  };
  const blobs = new BlobExchange({
    hub: { get: unused, put: unused },
    limits: defaultLimits,
    send: (message) => sent.push(message) > 0,
    surroundings,
  });
  return { blobs, sent, machine };
}

test("whereaboutsIntervalMs: where it is and what its clock says is told again and again, once a connection", async () => {
  const { blobs, sent, machine } = exchange();
  blobs.onWelcome();
  machine.nowMs = 700_000;
  machine.address = "10.0.0.2";
  vi.advanceTimersByTime(whereaboutsIntervalMs);
  expect(sent).toMatchObject([
    { type: "whereabouts", places: [{ address: "10.0.0.1" }], nowMs: 0 },
    { type: "whereabouts", places: [{ address: "10.0.0.2" }], nowMs: 700_000 },
  ]);
  blobs.onDown();
  vi.advanceTimersByTime(2 * whereaboutsIntervalMs);
  expect(sent).toHaveLength(2);
  blobs.onWelcome();
  blobs.onWelcome();
  vi.advanceTimersByTime(whereaboutsIntervalMs);
  expect(sent).toHaveLength(5);
  await blobs.close();
  vi.advanceTimersByTime(2 * whereaboutsIntervalMs);
  expect(sent).toHaveLength(5);
});
