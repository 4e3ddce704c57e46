import { type Cluster, connect } from "../client/browser.ts";
import { MusketeersError } from "../protocol/index.ts";
import { show } from "./elements.ts";
import { hubLine, hubView, inviteView, type Snapshot } from "./view.ts";

const POLL_MS = 1_000;
const STORED_INVITE = "musketeers.invite";

const line = document.getElementById("line") as HTMLElement;
const main = document.getElementById("main") as HTMLElement;

function say(text: string, down = false): void {
  if (line.textContent !== text) line.textContent = text;
  line.classList.toggle("down", down);
}

/**
 * The invite behind `#`. It leaves the address bar at once, where it could be read over a shoulder or
 * copied by accident, and stays with this tab only.
 */
function takeInvite(): string | undefined {
  const fragment = location.hash.slice(1);
  if (fragment !== "") {
    sessionStorage.setItem(STORED_INVITE, `${location.origin}/join#${fragment}`);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(STORED_INVITE) ?? undefined;
}

async function snapshot(cluster: Cluster): Promise<Snapshot> {
  const [status, workers, jobs] = await Promise.all([
    cluster.call("status", {}),
    cluster.call("workers", {}),
    cluster.call("jobs", {}),
  ]);
  return { status, workers, jobs };
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A hidden tab asks nothing. */
const visible = (): Promise<void> =>
  document.visibilityState === "visible"
    ? Promise.resolve()
    : new Promise((resolve) =>
        document.addEventListener("visibilitychange", () => resolve(), { once: true }),
      );

async function watch(cluster: Cluster): Promise<void> {
  for (;;) {
    await visible();
    // While the hub is away the calls wait for it; the line says so meanwhile.
    const late = setTimeout(() => say("The hub does not answer; trying again …", true), 2 * POLL_MS);
    try {
      const seen = await snapshot(cluster);
      say(hubLine(seen.status, Date.now()));
      show(main, hubView(seen, Date.now()));
    } finally {
      clearTimeout(late);
    }
    await pause(POLL_MS);
  }
}

async function start(): Promise<void> {
  const invite = takeInvite();
  if (invite === undefined) {
    say("One for all, all for one.");
    show(main, inviteView("To look at this cluster you need an invite."));
    return;
  }
  try {
    await watch(await connect({ hub: invite, timeout: "forever" }));
  } catch (error) {
    sessionStorage.removeItem(STORED_INVITE);
    say("Not connected", true);
    const text = error instanceof MusketeersError ? `${error.message}. ${error.hint}` : String(error);
    show(main, inviteView(text));
  }
}

// A second link pasted into the same tab only changes what is behind `#`.
addEventListener("hashchange", () => location.reload());
await start();
