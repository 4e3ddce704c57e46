import { readFile, stat } from "node:fs/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Context, Hono } from "hono";
import { MusketeersError } from "../../protocol/index.ts";
import { bearerOf } from "../http/bearer.ts";
import { pageHeaders, pageRoot } from "./page-files.ts";
import { isSameOrigin, type PageSessions } from "./page-sessions.ts";
import { addTabRoutes } from "./tab-routes.ts";

const pageTypes: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

/** What the pages' routes need of their hub. */
export interface PageHost {
  readonly sessions: PageSessions;
  /** The signed grant of a live connection, by its bearer token, where it may look. */
  grantOf(token: string): Uint8Array | undefined;
}

/** The pages' files as they travel, each compressed once for as long as it is the same. */
class CompressedFiles {
  readonly #files = new Map<
    string,
    { readonly changedMs: number; readonly bytes: Promise<Uint8Array<ArrayBuffer>> }
  >();

  /** @throws where there is no such file */
  async get(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const { mtimeMs } = await stat(pageRoot + name);
    const known = this.#files.get(name);
    if (known?.changedMs === mtimeMs) return known.bytes;
    const bytes = readFile(pageRoot + name).then(async (file) => new Uint8Array(await gzipped(file)));
    this.#files.set(name, { changedMs: mtimeMs, bytes });
    return bytes;
  }
}

const gzipped = promisify(gzip);
const compressed = new CompressedFiles();

async function getPage(context: Context): Promise<Response> {
  const { path } = context.req;
  const name = path === "/" || path === "/join" ? "index.html" : path.slice(1);
  const type = pageTypes[name.split(".").at(-1) ?? ""];
  if (type === undefined || !/^((assets|tab)\/)?[\w-]+(\.[\w-]+)*$/.test(name)) {
    throw new MusketeersError("NOT_FOUND", `There is nothing at ${path}`);
  }
  const headers: Record<string, string> = { "Content-Type": type, ...pageHeaders(context) };
  // Their names change with their content.
  headers["Cache-Control"] = name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache";
  headers.Vary = "Accept-Encoding";
  try {
    if (!/\bgzip\b/.test(context.req.header("accept-encoding") ?? "")) {
      return context.body(await readFile(pageRoot + name), 200, headers);
    }
    const bytes = await compressed.get(name);
    return context.body(bytes, 200, { ...headers, "Content-Encoding": "gzip" });
  } catch (cause) {
    throw new MusketeersError("NOT_FOUND", `There is nothing at ${path}`, { cause });
  }
}

/** @throws MusketeersError `FORBIDDEN` for what another origin's page sends */
function requireOwnPage(context: Context): void {
  if (!isSameOrigin(context.req.header("origin"), context.req.header("host"))) {
    throw new MusketeersError("FORBIDDEN", "Only the hub's own pages may do this");
  }
}

function setCookie(context: Context, { cookieName }: PageSessions, value: string, maxAgeMs: number): void {
  const isTls = context.req.header("origin")?.startsWith("https:") === true;
  context.header(
    "Set-Cookie",
    `${cookieName}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${Math.floor(maxAgeMs / 1000)}${isTls ? "; Secure" : ""}`,
  );
}

/** Whoever has a live connection that proved an invite gets a cookie for it; the invite's secret never travels. */
function postSession(host: PageHost, context: Context): Response {
  requireOwnPage(context);
  const grant = host.grantOf(bearerOf(context) ?? "");
  if (grant === undefined) {
    throw new MusketeersError("UNAUTHORIZED", "No live connection that may look has this token");
  }
  const { value, maxAgeMs } = host.sessions.seal(grant);
  setCookie(context, host.sessions, value, maxAgeMs);
  return sessionOf(host, context, value);
}

function sessionOf({ sessions }: PageHost, context: Context, cookie: string): Response {
  const { grant, expiresAtMs, token } = sessions.open(cookie);
  const { role, label, project } = grant;
  context.header("Cache-Control", "no-store");
  return context.json({ role, label, project, expiresAtMs, token });
}

/** Who is signed in, and the token that a page's connection has to show. */
function getSession(host: PageHost, context: Context): Response {
  const site = context.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin") requireOwnPage(context);
  return sessionOf(host, context, host.sessions.cookieIn(context.req.header("cookie")));
}

function deleteSession(host: PageHost, context: Context): Response {
  requireOwnPage(context);
  setCookie(context, host.sessions, "", 0);
  return context.body(null, 204);
}

/** Signing in and out, and the pages themselves. To be added last: what nobody else answers is looked for among them. */
export function addPageRoutes(app: Hono, host: PageHost): void {
  app.post("/session", (context) => postSession(host, context));
  app.get("/session", (context) => getSession(host, context));
  app.delete("/session", (context) => deleteSession(host, context));
  addTabRoutes(app);
  app.get("*", getPage);
}
