import type { Hub } from "../../hub/index.ts";
import type { ProjectAsks } from "../../security/index.ts";
import type { Endorse } from "../files/endorse.ts";
import { pageLink } from "../render/page-link.ts";
import type { Style } from "../render/style.ts";

/** What `up --json` prints once the hub is ready. */
export interface UpReport {
  readonly url: string;
  readonly joinInvite: string;
  readonly submitInvite: string;
  readonly viewInvite: string;
  readonly joinCommand: string;
}

/**
 * Makes the invites that are printed.
 * @param expiresInMs how long they are good
 */
export function reportOf(hub: Hub, endorse: Endorse, asks: ProjectAsks, expiresInMs: number): UpReport {
  const joinInvite = endorse(hub.invite({ role: "worker", expiresInMs, label: "up" }), asks);
  return {
    url: hub.url,
    joinInvite,
    submitInvite: endorse(hub.invite({ role: "submitter", expiresInMs, label: "up" })),
    viewInvite: hub.invite({ role: "viewer", expiresInMs, label: "up" }),
    joinCommand: hub.joinCommand(joinInvite),
  };
}

/** The report for people: what to paste where. */
export function renderUp(report: UpReport, workers: string, reachable: boolean, style: Style): string {
  const block = (title: string, line: string) => `${style.bold(title)}\n  ${line}\n\n`;
  const where = reachable ? "another machine that has Node.js" : "another terminal of this machine";
  return [
    `${style.good("The hub is up")} at ${report.url} ${workers}.\n\n`,
    block(`Add a worker: paste this on ${where}`, report.joinCommand),
    block("Let someone submit work: send them this invite for `musketeers login`", report.submitInvite),
    block("Watch it in a browser", pageLink(report.viewInvite)),
    style.dim(
      [
        "In a second terminal: musketeers status",
        ...(report.url.startsWith("https:") && report.joinCommand.startsWith("curl")
          ? ["A browser warns of the page once: only the invite vouches for the hub's key."]
          : []),
        ...(reachable ? [] : ["Machines of your network can join a hub that was started with --lan."]),
        "The invites are good for 7 days. Ctrl-C stops the hub and its own workers.",
      ].join("\n"),
    ),
    "\n",
  ].join("");
}
