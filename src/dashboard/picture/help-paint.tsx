import { useState } from "preact/hooks";
import { mayManage, useAction, useHub } from "../hub.ts";
import { ActionButton, Failure } from "../parts/basics.tsx";
import { QrCode } from "../parts/qr-code.tsx";

const DAY_MS = 24 * 3_600_000;
/** Who may come by one code, each of them somebody else. */
const VISITORS_MAX = 500;

const isLoopback = (url: string): boolean => /^(localhost|127\.[\d.]+|\[::1\])$/.test(new URL(url).hostname);

/** The invite as others are to open it: where this page came from, unless that is this machine itself. */
function linkFor(invite: string): string {
  const here = `${location.origin}/join${new URL(invite).hash}`;
  return isLoopback(here) ? invite : here;
}

/** An invite for all who stand before the screen. */
function Code({ link }: { readonly link: string }) {
  return (
    <div class="code">
      <QrCode text={link} label="The link that lets a phone help, as QR code" />
      <p>
        {isLoopback(link)
          ? "Only this machine reaches this hub. Phones do when it is started with --lan."
          : `Point a phone's camera here: one click, and it paints, too. Good for a day and ${VISITORS_MAX} devices.`}
      </p>
    </div>
  );
}

/** Lets this browser work, too, in a tab of its own, or phones by a code. Only who may make invites can. */
export function HelpPaint() {
  const { cluster, user } = useHub();
  const [link, setLink] = useState<string>();
  const help = useAction(async () => {
    const tab = open("about:blank", "_blank");
    if (tab !== null) tab.opener = null;
    try {
      const made = await cluster.call("invite", {
        role: "worker",
        expiresInMs: DAY_MS,
        label: "a browser's tab",
      });
      // The hub may know itself by another name than this browser does.
      const here = `${location.origin}/join${new URL(made.invite).hash}`;
      if (tab === null) location.assign(here);
      else tab.location.assign(here);
    } catch (error) {
      tab?.close();
      throw error;
    }
  });
  const show = useAction(async () => {
    const visitors = {
      role: "worker",
      expiresInMs: DAY_MS,
      label: "visitors",
      people: VISITORS_MAX,
    } as const;
    setLink(linkFor((await cluster.call("invite", visitors)).invite));
  });
  if (!mayManage(user)) return null;
  return (
    <div class="help-paint">
      <p>Every phone and every laptop can help.</p>
      <ActionButton action={help} tone="main">
        Help with a tab of this browser
      </ActionButton>
      {link === undefined && <ActionButton action={show}>Show a code for phones</ActionButton>}
      <Failure text={help.failure ?? show.failure} />
      {link !== undefined && <Code link={link} />}
    </div>
  );
}
