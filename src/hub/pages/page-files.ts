import { fileURLToPath } from "node:url";
import type { Context } from "hono";

/** A hub that runs from its sources serves what was built last. */
const built = import.meta.url.endsWith(".ts") ? "../../../dist/dashboard/" : "../../dashboard/";
/** Where the pages are. */
export const pageRoot = fileURLToPath(new URL(built, import.meta.url));
/** What goes with all of them: a page may talk to its hub and to nobody else, and runs no script but the hub's. */
export function pageHeaders(context: Context): Record<string, string> {
  const host = context.req.header("host") ?? "";
  // Older browsers do not count WebSockets as 'self'.
  const sockets = /^[\w.:[\]-]+$/.test(host) ? ` ws://${host} wss://${host}` : "";
  return {
    "Content-Security-Policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
      `connect-src 'self'${sockets}; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
  };
}
