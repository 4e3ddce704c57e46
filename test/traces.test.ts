import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { failOnThree } from "./support/tasks.ts";
import { testClient, testHub, testWorker } from "./support/whole-cluster.ts";

/* Traces from submit to result, told to a collector as OpenTelemetry's protocol has it. */

interface Span {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number };
}

async function collector(): Promise<{ url: string; spans: Span[] }> {
  const spans: Span[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    for (const { resource, scopeSpans } of JSON.parse(Buffer.concat(parts).toString()).resourceSpans) {
      const service = resource.attributes.find(({ key }: { key: string }) => key === "service.name").value;
      for (const span of scopeSpans[0].spans) spans.push({ ...span, service: service.stringValue });
    }
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans };
}

afterEach(() => void vi.unstubAllEnvs());

test("a job is one trace: its submitter, the hub, each unit there and on its worker", async () => {
  const { url, spans } = await collector();
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", url);
  const hub = await testHub({ limits: { unitInputsMax: 2 } });
  const worker = await testWorker(hub, { trust: true });
  const cluster = await testClient(hub);
  const results = await cluster.map(failOnThree, [1, 2, 3, 4]).toArray();
  expect(results.length).toBe(4);
  await cluster.close();
  await worker.drain();
  await hub.close();
  const named = (name: string, service: string) =>
    spans.filter((span) => span.name === `${name} failOnThree` && span.service === service);
  const [submit] = named("submit", "musketeers-client");
  const [job] = named("job", "musketeers-hub");
  const units = named("unit", "musketeers-hub");
  const runs = named("execute", "musketeers-worker");
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([submit!.traceId]));
  expect(submit!.parentSpanId).toBeUndefined();
  expect(job!.parentSpanId).toBe(submit!.spanId);
  expect(units.length).toBeGreaterThanOrEqual(2);
  expect(units.every(({ parentSpanId }) => parentSpanId === job!.spanId)).toBe(true);
  expect(runs.map(({ parentSpanId }) => parentSpanId).sort()).toEqual(
    units.map(({ spanId }) => spanId).sort(),
  );
  for (const { startTimeUnixNano, endTimeUnixNano } of spans) {
    expect(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano)).toBe(true);
  }
});

test("a hub that is not asked for traces hands on those of its clients", async () => {
  const { url, spans } = await collector();
  const hub = await testHub();
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", url);
  const worker = await testWorker(hub, { trust: true });
  const cluster = await testClient(hub);
  await cluster.run(failOnThree, 1);
  await cluster.close();
  await worker.drain();
  expect(spans.map(({ service }) => service).sort()).toEqual(["musketeers-client", "musketeers-worker"]);
  const [submit, run] = spans.toSorted((a, b) => (a.service < b.service ? -1 : 1));
  expect(run!.parentSpanId).toBe(submit!.spanId);
});
