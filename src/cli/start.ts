import { runProgram, tellUnwritten } from "./program.ts";
import { processTerminal } from "./terminal.ts";

const args = process.argv.slice(2);
const terminal = processTerminal();

// A reader that has gone, such as `head`, is no error to report: end as SIGPIPE would. A terminal that has gone
// says so with SIGHUP, too, and what is under way ends in good order.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EIO") return;
  if (error.code === "EPIPE") process.exit(141);
  void tellUnwritten(error, args, terminal).then((status) => process.exit(status));
});

// There is nobody left to be told.
process.stderr.on("error", () => {});

process.exitCode = await runProgram(args, terminal);
