import { useEffect, useState } from "preact/hooks";
import { connectPage, type SignedIn, signedIn, signIn } from "../client/browser.ts";
import { type Invite, parseInvite } from "../security/index.ts";
import { type HubAccess, HubProvider, wordsOf } from "./hub.ts";
import { Welcome } from "./pages/welcome.tsx";
import { later } from "./parts/later.tsx";
import { Shell } from "./shell.tsx";

type Phase =
  | { readonly at: "opening" }
  | { readonly at: "outside"; readonly reason: string }
  | { readonly at: "volunteer"; readonly invite: Invite; readonly link: string }
  | { readonly at: "inside"; readonly access: HubAccess };

const VolunteerPage = later(() => import("./volunteer/page.tsx").then((module) => module.VolunteerPage));

/** An invite for workers stays in the address: it may be opened again, here or on other machines. */
function volunteerPhase(): Phase | undefined {
  const [secret = ""] = location.hash.slice(1).split("/");
  if (secret === "") return undefined;
  const link = `${location.origin}/join#${secret}`;
  const invite = parseInvite(link);
  return invite.role === "worker" ? { at: "volunteer", invite, link } : undefined;
}

/**
 * The invite's secret behind `#`, perhaps with the page to open behind a slash. It leaves the address bar at once, where
 * it could be read over a shoulder.
 */
function takeSecret(): string | undefined {
  const [secret = "", ...path] = location.hash.slice(1).split("/");
  if (secret === "") return undefined;
  history.replaceState(null, "", location.pathname + (path.length === 0 ? "" : `#/${path.join("/")}`));
  return secret;
}

async function identify(): Promise<SignedIn | undefined> {
  const secret = takeSecret();
  return secret === undefined ? signedIn() : signIn(`${location.origin}/join#${secret}`);
}

/** Signs in, connects, and shows either the hub or how to get in. */
export function App() {
  const [phase, setPhase] = useState<Phase>({ at: "opening" });
  const [down, setDown] = useState(false);
  useEffect(() => {
    const open = async (): Promise<Phase> => {
      const volunteer = volunteerPhase();
      if (volunteer !== undefined) return volunteer;
      const user = await identify();
      if (user === undefined) return { at: "outside", reason: "" };
      const cluster = await connectPage(user.token, { timeout: "forever", onRetry: () => setDown(true) });
      const stop = setInterval(() => setDown(!cluster.connected), 1_000);
      addEventListener("pagehide", () => clearInterval(stop), { once: true });
      return { at: "inside", access: { cluster, user } };
    };
    open().then(setPhase, (error: unknown) => setPhase({ at: "outside", reason: wordsOf(error) }));
    const again = () => {
      if (location.hash.length > 1 && !location.hash.startsWith("#/")) location.reload();
    };
    addEventListener("hashchange", again);
    return () => removeEventListener("hashchange", again);
  }, []);
  if (phase.at === "opening")
    return <p class="notice">{down ? "The hub does not answer; trying again …" : "Connecting …"}</p>;
  if (phase.at === "volunteer") return <VolunteerPage invite={phase.invite} link={phase.link} />;
  if (phase.at === "outside") return <Welcome reason={phase.reason} />;
  return (
    <HubProvider value={phase.access}>
      <Shell down={down} />
    </HubProvider>
  );
}
