import type { Hono } from "hono";
import type { PackageTarball } from "./tarball.ts";

/** Where the hub hands itself out, and its signed word on what that is. */
export function addPackageRoutes(app: Hono, tarball: PackageTarball): void {
  const answer = (bytes: Uint8Array, type: string): Response =>
    new Response(bytes as Uint8Array<ArrayBuffer>, {
      headers: { "Content-Type": type, "Content-Length": String(bytes.length) },
    });
  app.get("/musketeers.tgz", async () => answer((await tarball.get()).bytes, "application/gzip"));
  app.get("/musketeers.release", async () =>
    answer((await tarball.get()).statement, "application/octet-stream"),
  );
}
