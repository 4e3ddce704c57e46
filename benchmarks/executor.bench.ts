/** One sandbox by itself: start, round trip, batched throughput. Run with `npx tsx benchmarks/executor.bench.ts`. */
import { encodeValue, packRecords } from "../src/protocol/index.ts";
import { createDenoExecutor, createNodeExecutor, type Executor } from "../src/worker/executors/index.ts";

const BATCH = 50_000;
const BATCHES = 20;
const TRIPS = 5_000;
const code = new TextEncoder().encode("export const main = (x) => x");
const task = {
  bundle: "bench",
  entry: "export:main",
  title: "no-op",
  timeoutMs: 60_000,
  memoryBytes: 512 * 1024 * 1024,
  net: [],
};

function startOne(executor: Executor) {
  let left = 0;
  let done = () => {};
  const sandbox = executor.start(
    { task, code },
    {
      onResults: ({ count }) => {
        left -= count;
        if (left === 0) done();
      },
      onLog: () => {},
      onSaved: () => {},
      onDeath: ({ message }) => {
        throw new Error(message);
      },
    },
  );
  const run = (block: Uint8Array, count: number) =>
    new Promise<void>((resolve) => {
      left = count;
      done = resolve;
      sandbox.run(block, count);
    });
  return { sandbox, run };
}

const one = packRecords([encodeValue(7)]);
const many = packRecords(Array.from({ length: BATCH }, (_, index) => encodeValue(index)));

for (const create of [
  () => createDenoExecutor(),
  () => createDenoExecutor({ bubblewrap: false }),
  () => createNodeExecutor(),
]) {
  const executor = await create();
  const begun = performance.now();
  const { sandbox, run } = startOne(executor);
  await run(one, 1);
  const startMs = performance.now() - begun;
  await run(many, BATCH);
  const batchesBegun = performance.now();
  for (let batch = 0; batch < BATCHES; batch++) await run(many, BATCH);
  const perSecond = (BATCH * BATCHES) / ((performance.now() - batchesBegun) / 1000);
  const trips: number[] = [];
  for (let trip = 0; trip < TRIPS; trip++) {
    const sent = performance.now();
    await run(one, 1);
    trips.push(performance.now() - sent);
  }
  trips.sort((a, b) => a - b);
  console.log({
    executor: executor.kind,
    startMs: Math.round(startMs),
    tasksPerSecond: Math.round(perSecond),
    tripP50Ms: Number(trips[TRIPS >> 1]?.toFixed(3)),
    tripP99Ms: Number(trips[Math.floor(TRIPS * 0.99)]?.toFixed(3)),
    memoryMB: Math.round(sandbox.memoryBytes / 1024 / 1024),
  });
  await executor.close();
}
