import { mayManage, useAction, useHub } from "../hub.ts";
import { ActionButton, Failure } from "../parts/basics.tsx";

const DAY_MS = 24 * 3_600_000;

/** Lets this browser work, too, in a tab of its own. Only who may make invites can. */
export function HelpPaint() {
  const { cluster, user } = useHub();
  const help = useAction(async () => {
    const tab = open("about:blank", "_blank");
    if (tab !== null) tab.opener = null;
    try {
      const made = await cluster.call("invite", {
        role: "worker",
        expiresInMs: DAY_MS,
        label: "a browser's tab",
      });
      const link = new URL(made.invite);
      // The hub may know itself by another name than this browser does.
      const here = `${location.origin}/join${link.hash}`;
      if (tab === null) location.assign(here);
      else tab.location.assign(here);
    } catch (error) {
      tab?.close();
      throw error;
    }
  });
  if (!mayManage(user)) return null;
  return (
    <div class="help-paint">
      <p>Every device that opens a link can help: a phone, a laptop, this browser.</p>
      <ActionButton action={help} tone="main">
        Help with a tab of this browser
      </ActionButton>
      <Failure text={help.failure} />
    </div>
  );
}
