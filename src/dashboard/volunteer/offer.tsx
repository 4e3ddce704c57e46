import type { Invite } from "../../security/index.ts";
import type { Asks } from "../../worker/browser.ts";
import { bytes, dateTime, list } from "../format.ts";

/** What the project asks for, and what it does not get. */
export function Offer({ invite, asks }: { readonly invite: Invite; readonly asks: Asks }) {
  const { project, expiresAtMs, endorsement } = invite;
  const hosts =
    asks.net.length === 0
      ? "none"
      : `${list(asks.net)}: through your connection, as far as these hosts let pages of others read them`;
  const memory = asks.memoryBytes === 0 ? "what its tasks need" : `${bytes(asks.memoryBytes)} for a task`;
  const facts = [
    ["Project", project],
    ["Hub", location.host],
    ["Processor", "as many cores as you set above, while this page is open"],
    ["Memory", `${memory}; a browser does not hold tasks to that strictly`],
    ["Network", hosts],
    [
      "Your own data",
      "none: tasks run in a frame that reaches neither your files nor other pages nor this one",
    ],
    [
      "Whose code",
      endorsement === undefined
        ? "whatever the hub sends"
        : "that of submitters whom the project's owner certified; what asks for more is asked of you first",
    ],
    ["Invite", `good until ${dateTime(expiresAtMs)}`],
  ] as const;
  return (
    <>
      <dl class="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">
        This page comes from the hub, so a tab trusts the hub that serves it. Whoever does not trust it lends
        a machine with the program of Musketeers instead, which checks for itself whose code it runs.
      </p>
    </>
  );
}
