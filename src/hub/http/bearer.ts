import type { Context } from "hono";

/** The token of a request, where it brings one. */
export const bearerOf = (context: Context): string | undefined =>
  /^Bearer (.+)$/.exec(context.req.header("authorization") ?? "")?.[1];
