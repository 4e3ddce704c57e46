#!/usr/bin/env node
import { tooOldNode } from "./node-version.ts";

// What `start.ts` imports an older Node.js has not got, and would say so in its own words.
const tooOld = tooOldNode(process.versions.node);
if (tooOld === undefined) {
  await import("./start.ts");
} else {
  process.stderr.write(tooOld);
  process.exitCode = 2;
}
