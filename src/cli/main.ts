#!/usr/bin/env node
import { runProgram } from "./program.ts";
import { processTerminal } from "./terminal.ts";

// A reader that has gone, such as `head`, is no error to report: end as SIGPIPE would. A terminal that has gone
// says so with SIGHUP, too, and what is under way ends in good order.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EIO") return;
  process.exit(error.code === "EPIPE" ? 141 : 70);
});

// There is nobody left to be told.
process.stderr.on("error", () => {});

process.exitCode = await runProgram(process.argv.slice(2), processTerminal());
