#!/usr/bin/env node
import { runProgram } from "./program.ts";
import { processTerminal } from "./terminal.ts";

// A reader that has gone, such as `head`, is no error to report: end as SIGPIPE would.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? 141 : 70);
});

process.exitCode = await runProgram(process.argv.slice(2), processTerminal());
