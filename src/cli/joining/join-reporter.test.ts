import { expect, test } from "vitest";
import { MusketeersError } from "../../protocol/index.ts";
import { contextOf } from "../context.ts";
import { FakeTerminal } from "../testing/terminal.ts";
import { Reporter } from "./join-reporter.ts";

const gone = new MusketeersError("HUB_UNREACHABLE", "No connection to http://a:7077: gone", {
  hint: "Is it on?",
});

test("a hub that was never reached was not lost: what to look at is said, once", () => {
  const terminal = new FakeTerminal();
  const reporter = new Reporter(contextOf(terminal), ["http://a:7077"], false);
  reporter.disconnected(0, gone, 90);
  reporter.disconnected(0, gone, 180);
  expect(terminal.stdout).toBe(
    "Not reached yet: No connection to http://a:7077: gone.\nIs it on?\nTrying again until it answers; Ctrl-C gives up.\n",
  );
  reporter.connected(0, "lab");
  const description = { name: "athos", slots: 1, memoryBytes: 2 ** 31, sandbox: "deno", allowNet: [] };
  reporter.joined(0, description as never, undefined);
  terminal.stdout = "";
  reporter.disconnected(0, gone, 90);
  reporter.connected(0, "lab");
  expect(terminal.stdout).toBe(
    "Connection lost: No connection to http://a:7077: gone; trying again …\nConnected again to lab.\n",
  );
});

test("another hub at the address is said once, also behind the loss of the connection, and what is done about it", () => {
  const terminal = new FakeTerminal();
  const reporter = new Reporter(contextOf(terminal), ["http://a:7077"], false);
  const stranger = new MusketeersError("HUB_IDENTITY", "Another hub than that of the invite answers");
  reporter.connected(0, "lab");
  reporter.joined(
    0,
    { name: "a", slots: 1, memoryBytes: 1, sandbox: "deno", allowNet: [] } as never,
    undefined,
  );
  const said = () => terminal.stdout.split("\n").filter((line) => /Another hub|lost|again/.test(line));
  for (let times = 0; times < 2; times++) {
    terminal.stdout = "";
    reporter.disconnected(0, gone, 90);
    for (let tries = 0; tries < 3; tries++) reporter.disconnected(0, stranger, 300_000);
    reporter.connected(0, "lab");
    expect(said()).toEqual([
      "Connection lost: No connection to http://a:7077: gone; trying again …",
      "Another hub answers: Another hub than that of the invite answers.",
      "Connected again to lab.",
    ]);
    expect(terminal.stdout).toContain("Nothing is sent to it; looking every 5 min");
  }
});
