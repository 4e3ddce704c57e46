import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type Cluster, connect } from "../../src/client/index.ts";
import { type Hub, type HubOptions, startHub } from "../../src/hub/index.ts";
import type { Role } from "../../src/protocol/index.ts";
import { startWorker, type WorkerHandle, type WorkerOptions } from "../../src/worker/node.ts";

/** A directory that is gone after the test. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  return directory;
}

/** So small that checkpoints are written and the journal is compacted in the middle of every test. */
export const busyRetention = {
  checkpointRecordsMin: 20,
  compactionBytesMin: 16 * 1024,
  segmentBytesTarget: 16 * 1024,
};

/** A hub with real sockets, torn down after the test. */
export async function testHub(options: HubOptions = {}): Promise<Hub> {
  const limits = { ...busyRetention, ...options.limits };
  const hub = await startHub({ listen: "127.0.0.1:0", ...options, limits });
  onTestFinished(() => hub.close());
  return hub;
}

export async function testWorker(hub: Hub, options: Partial<WorkerOptions> = {}): Promise<WorkerHandle> {
  const worker = await startWorker({ invite: hub.invite({ role: "worker" }), slots: 1, ...options });
  onTestFinished(() => worker.stop());
  return worker;
}

export async function testClient(hub: Hub, role: Role = "submitter"): Promise<Cluster> {
  const cluster = await connect({ hub: hub.invite({ role }) });
  onTestFinished(() => cluster.close());
  return cluster;
}

/** Hub, workers and a client of one process, with sandboxes of their own. */
export async function testCluster(
  workers: readonly Partial<WorkerOptions>[] = [{}],
  options: HubOptions = {},
): Promise<{ hub: Hub; workers: WorkerHandle[]; cluster: Cluster }> {
  const hub = await testHub(options);
  const started = await Promise.all(workers.map((worker) => testWorker(hub, worker)));
  return { hub, workers: started, cluster: await testClient(hub) };
}

export interface TestSite {
  /** `host:port`, as tasks and workers grant it. */
  readonly host: string;
  readonly url: string;
  /** Paths in the order in which they were asked for. */
  readonly asked: readonly string[];
  /** Resolves when that many requests have come. */
  reached(count: number): Promise<void>;
}

/** A web site on loopback that answers how often it was asked for a path. */
export async function testSite(answer?: (request: IncomingMessage) => string): Promise<TestSite> {
  const asked: string[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const server: Server = createServer((request, response) => {
    const path = request.url ?? "/";
    asked.push(path);
    response.end(answer?.(request) ?? String(asked.filter((other) => other === path).length));
    for (const { count, resolve } of waiting) if (asked.length >= count) resolve();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const reached = (count: number) =>
    new Promise<void>((resolve) => {
      if (asked.length >= count) resolve();
      else waiting.push({ count, resolve });
    });
  return { host, url: `http://${host}`, asked, reached };
}
