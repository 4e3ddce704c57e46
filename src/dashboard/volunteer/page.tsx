import "../styles/volunteer.css";
import { base64url } from "multiformats/bases/base64";
import { useEffect, useState } from "preact/hooks";
import type { Invite } from "../../security/index.ts";
import type { TabPhase, TabState } from "../../worker/browser.ts";
import { list } from "../format.ts";
import { usePower, useWakeLock } from "./abilities.ts";
import { AtWork } from "./at-work.tsx";
import { keepSettings, keptSettings, type Settings } from "./kept.ts";
import { Lending } from "./lending.tsx";
import { Offer } from "./offer.tsx";
import { type Tab, useTab } from "./use-tab.ts";

const cores = navigator.hardwareConcurrency || 1;

const words: Readonly<Record<TabPhase, string>> = {
  joining: "Joining …",
  working: "Working",
  waiting: "Nothing to do right now. Work starts by itself when there is some.",
  paused: "Paused",
  left: "Stopped. What was unfinished has gone back.",
  refused: "The hub does not take this tab.",
};

const next: Readonly<Record<string, string>> = {
  UNAUTHORIZED:
    "The invite was taken back or is not of this hub. Ask whoever gave you the link for a new one.",
  INVITE_EXPIRED: "Ask whoever gave you the link for a new one.",
  INVITE_USED_UP: "It was good for a number of machines, which have joined. Ask for a new one.",
};

/** How the tab is, and what may be done about it where something is wrong. */
function Status({ state }: { readonly state: TabState }) {
  const { phase, why = "", error } = state;
  const isWrong = phase === "refused" || (error !== undefined && phase !== "working" && phase !== "waiting");
  return (
    <div class={`tab-status ${phase}`}>
      <p role="status">
        <span class="dot" aria-hidden="true" />
        {phase === "paused" && why !== "" ? why : words[phase]}
      </p>
      {phase === "joining" && why !== "" && <p class="quiet">{why}</p>}
      {isWrong && error !== undefined && (
        <p class="failure" role="alert">
          {error.message}. {next[error.code] ?? error.hint ?? "Reload this page to try again."}
        </p>
      )}
    </div>
  );
}

interface ControlsProps {
  readonly tab: Tab;
  readonly settings: Settings;
}

function Controls({ tab, settings }: ControlsProps) {
  const phase = tab.state?.phase ?? "left";
  const start = (
    <button type="button" class="main" onClick={() => tab.start(settings)}>
      {tab.state === undefined ? "Start lending" : "Start again"}
    </button>
  );
  if (phase === "left" || phase === "refused") return <div class="tab-controls">{start}</div>;
  return (
    <div class="tab-controls">
      {phase === "paused" ? (
        <button type="button" class="main" onClick={tab.resume}>
          Go on
        </button>
      ) : (
        <button type="button" onClick={tab.pause}>
          Pause
        </button>
      )}
      <button type="button" onClick={tab.leave}>
        Stop
      </button>
    </div>
  );
}

interface VolunteerProps {
  readonly invite: Invite;
  /** The same as a URL of the hub that served the page. */
  readonly link: string;
}

/** The page of somebody who was invited to lend a browser. */
export function VolunteerPage({ invite, link }: VolunteerProps) {
  const asks = invite.endorsement?.asks ?? { net: [], memoryBytes: 0 };
  const project = base64url.baseEncode(invite.endorsement?.projectKey ?? invite.hubKey);
  const [settings, setSettings] = useState(() => keptSettings(localStorage, cores));
  const tab = useTab(link, asks, `${project} ${invite.project}`);
  const power = usePower();
  const isNamed = invite.project !== "default";
  const title = isNamed ? `Lend this browser to ${invite.project}` : "Lend this browser";
  const { state } = tab;
  const phase = state?.phase;
  const isOn = phase !== undefined && phase !== "left" && phase !== "refused";
  useWakeLock(settings.awake && (phase === "working" || phase === "waiting"));
  const change = (changed: Settings) => {
    setSettings(changed);
    keepSettings(localStorage, changed);
    tab.change(changed);
  };
  useEffect(() => {
    const mark = phase === "working" ? "● " : "";
    document.title = `${mark}${title} · Musketeers`;
  }, [phase, title]);
  return (
    <main class="volunteer">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path d="M6 6l20 20M26 6L6 26M16 3v26" />
        <circle cx="16" cy="16" r="4" />
      </svg>
      <h1>{title}</h1>
      <p class="lead">
        With one button this tab computes for {isNamed ? <strong>{invite.project}</strong> : "the cluster"} at{" "}
        {location.host}, {asks.net.length === 0 ? "without the network" : `and may reach ${list(asks.net)}`}.
        It sees none of your files or other pages. Close it whenever you like: others go on with what was
        unfinished.
      </p>
      {state !== undefined && <Status state={state} />}
      <Controls tab={tab} settings={settings} />
      {state !== undefined && <AtWork state={state} given={tab.given} grant={tab.grant} />}
      {state === undefined && tab.given.inputs > 0 && (
        <p class="quiet">This browser has given before. Thank you, and welcome back.</p>
      )}
      <section class="section">
        <h2>How much</h2>
        <Lending settings={settings} cores={cores} power={power} isNameFixed={isOn} change={change} />
      </section>
      <section class="section">
        <h2>What it asks for</h2>
        <Offer invite={invite} asks={asks} />
      </section>
    </main>
  );
}
