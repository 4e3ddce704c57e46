import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { defaultLimits } from "../protocol/index.ts";
import { type Environment, tracerFromEnvironment } from "./from-environment.ts";

const options = { service: "hub", limits: defaultLimits };

async function receiver() {
  const asked: { url: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    asked.push({ url: request.url!, headers: request.headers, body: Buffer.concat(parts).toString() });
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test.each<Environment>([
  {},
  { OTEL_EXPORTER_OTLP_ENDPOINT: "" },
  { OTEL_EXPORTER_OTLP_ENDPOINT: "http://x", OTEL_SDK_DISABLED: "true" },
  { OTEL_EXPORTER_OTLP_ENDPOINT: "http://x", OTEL_TRACES_EXPORTER: "none" },
])("%j asks for no traces", (env) => {
  expect(tracerFromEnvironment(env, options)).toBeUndefined();
});

test("a span goes to the endpoint as OTLP in JSON, with what the variables say", async () => {
  const { url, asked } = await receiver();
  const parent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const tracer = tracerFromEnvironment(
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: `${url}/`,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20x, x-team = musketeers",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test",
      OTEL_SERVICE_NAME: "mine",
      TRACEPARENT: parent,
    },
    options,
  )!;
  const span = tracer.start("work", {
    kind: "server",
    attributes: { text: "x", whole: 3, part: 0.5, yes: true },
  });
  span.event("half", 1.5);
  span.end("it broke");
  span.end();
  tracer.start("other").end();
  await tracer.close();
  expect(asked.length).toBe(1);
  const [{ url: path, headers, body }] = asked as [(typeof asked)[0]];
  expect(path).toBe("/v1/traces");
  expect(headers).toMatchObject({
    authorization: "Bearer x",
    "x-team": "musketeers",
    "content-type": "application/json",
  });
  const { resourceSpans } = JSON.parse(body);
  expect(resourceSpans[0].resource.attributes).toEqual(
    expect.arrayContaining([
      { key: "service.name", value: { stringValue: "mine" } },
      { key: "deployment.environment", value: { stringValue: "test" } },
    ]),
  );
  const [work, other] = resourceSpans[0].scopeSpans[0].spans;
  expect(work).toMatchObject({
    traceId: "a".repeat(32),
    spanId: span.context.spanId,
    parentSpanId: "b".repeat(16),
    name: "work",
    kind: 2,
    startTimeUnixNano: expect.stringMatching(/^\d{19}$/),
    attributes: [
      { key: "text", value: { stringValue: "x" } },
      { key: "whole", value: { intValue: "3" } },
      { key: "part", value: { doubleValue: 0.5 } },
      { key: "yes", value: { boolValue: true } },
    ],
    events: [{ name: "half", timeUnixNano: "1500000" }],
    status: { code: 2, message: "it broke" },
  });
  expect(other).toMatchObject({ name: "other", status: { code: 1 } });
});

test("what begins in a trace that nobody samples is not sent", async () => {
  const { url, asked } = await receiver();
  const env = {
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${url}/own`,
    TRACEPARENT: `00-${"a".repeat(32)}-${"b".repeat(16)}-00`,
  };
  const tracer = tracerFromEnvironment(env, options)!;
  const span = tracer.start("work");
  expect(span.traceparent).toMatch(/-00$/);
  span.end();
  await tracer.close();
  expect(asked).toEqual([]);
});
