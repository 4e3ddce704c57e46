import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context, Hono } from "hono";
import { MusketeersError } from "../../protocol/index.ts";
import { bearerOf } from "./bearer.ts";
import type { HttpHost } from "./http-host.ts";

const loopback = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/;
const proxyHeaders = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/** Whether a request comes from this machine, and not through a proxy on it. */
const isLocal = (context: Context): boolean =>
  proxyHeaders.every((name) => context.req.header(name) === undefined) &&
  loopback.test(getConnInfo(context).remote.address ?? "");

async function getMetrics(host: HttpHost, context: Context): Promise<Response> {
  const secret = bearerOf(context);
  if (!isLocal(context) && !(secret !== undefined && host.mayLook(secret))) {
    throw new MusketeersError("UNAUTHORIZED", "Metrics are for this machine, and for viewers", {
      hint: "Send what stands behind the # of a viewer's invite as bearer token: musketeers invite --role viewer.",
    });
  }
  return context.body(await host.metrics.text(), 200, { "Content-Type": host.metrics.contentType });
}

/** What those ask who watch over a hub. */
export function addHealthRoutes(app: Hono, host: HttpHost): void {
  app.get("/healthz", (context) => context.text("ok\n"));
  app.get("/readyz", (context) => {
    const reason = host.unready();
    return reason === undefined ? context.text("ok\n") : context.text(`${reason}\n`, 503);
  });
  app.get("/metrics", (context) => getMetrics(host, context));
}
