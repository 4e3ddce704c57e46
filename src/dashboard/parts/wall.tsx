import { memo } from "preact/compat";
import { useMemo, useState } from "preact/hooks";
import type { LiveState } from "../../client/browser.ts";
import type { WorkerIdentity, WorkerWork } from "../../protocol/index.ts";
import { colourOf } from "../colours.ts";
import { about, count, percent } from "../format.ts";
import { pathOf } from "../route.ts";

export interface WallRow {
  readonly identity: WorkerIdentity;
  readonly work: WorkerWork;
}

/** What all workers are and do, in the order in which they came. */
export function wallRows(state: LiveState | undefined): WallRow[] {
  const identities = state?.tables.identities as ReadonlyMap<string, WorkerIdentity> | undefined;
  const work = state?.tables.work as ReadonlyMap<string, WorkerWork> | undefined;
  return [...(identities ?? [])].flatMap(([id, identity]) => {
    const now = work?.get(id);
    return now === undefined ? [] : [{ identity, work: now }];
  });
}

const kindOf = ({ platform, arch }: WorkerIdentity): string =>
  platform === "browser" ? "browser" : `${platform} ${arch}`;

/** Tiles beyond which each has its name and its bar only. */
const LARGE_TILES_MAX = 120;

const whatNow = ({ draining, running, busySlots, slots }: WorkerWork): string =>
  draining ? "leaving" : slots === 0 ? "paused" : busySlots === 0 ? "idle" : running.join(", ") || "busy";

interface TileProps {
  readonly identity: WorkerIdentity;
  readonly work: WorkerWork;
  readonly share: number;
  readonly small: boolean;
  readonly dark: boolean;
}

const Tile = memo(
  function Tile({ identity, work, share, small, dark }: TileProps) {
    const { name, worker } = identity;
    const now = whatNow(work);
    const words = `${name}, ${kindOf(identity)}: ${now}, ${work.busySlots} of ${work.slots} slots busy, ${percent(share)} of the work`;
    const busy = work.slots === 0 ? 0 : work.busySlots / work.slots;
    return (
      <a
        class={`tile ${small ? "small" : ""} ${work.busySlots > 0 ? "busy" : "idle"} ${work.draining ? "draining" : ""}`}
        href={pathOf("worker", worker)}
        title={words}
      >
        <span class="tile-name">
          <span class="swatch" style={{ backgroundColor: colourOf(name, dark) }} />
          {name}
        </span>
        {!small && (
          <>
            <span class="tile-kind">{kindOf(identity)}</span>
            <span class="tile-now">{now}</span>
            <span class="tile-figures">
              <span>
                {work.busySlots}/{work.slots}
              </span>
              <span>{about(work.inputsDone)} done</span>
              <span title="share of all that was done">{percent(share)}</span>
            </span>
          </>
        )}
        <span class="bar" style={{ transform: `scaleX(${busy})` }} />
      </a>
    );
  },
  (a, b) =>
    a.work === b.work &&
    a.identity === b.identity &&
    a.small === b.small &&
    a.dark === b.dark &&
    Math.abs(a.share - b.share) < 0.005,
);

/** A live tile of each worker, by kind. */
export function Wall({ rows, omitted }: { readonly rows: readonly WallRow[]; readonly omitted: number }) {
  const [kind, setKind] = useState("");
  const kinds = useMemo(() => {
    const counts = new Map<string, number>();
    for (const { identity } of rows) counts.set(kindOf(identity), (counts.get(kindOf(identity)) ?? 0) + 1);
    return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  }, [rows]);
  const shown = kind === "" ? rows : rows.filter(({ identity }) => kindOf(identity) === kind);
  const total = rows.reduce((sum, { work }) => sum + work.inputsDone, 0);
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const choices = [["", rows.length] as const, ...kinds];
  return (
    <>
      {kinds.length > 1 && (
        <fieldset class="chips">
          <legend class="hidden">Kinds of workers</legend>
          {choices.map(([name, number]) => (
            <button key={name} type="button" aria-pressed={kind === name} onClick={() => setKind(name)}>
              {name === "" ? "all" : name} <span>{count(number)}</span>
            </button>
          ))}
        </fieldset>
      )}
      <div class={`wall ${shown.length > LARGE_TILES_MAX ? "dense" : ""}`}>
        {shown.map(({ identity, work }) => (
          <Tile
            key={identity.worker}
            identity={identity}
            work={work}
            share={total === 0 ? 0 : work.inputsDone / total}
            small={shown.length > LARGE_TILES_MAX}
            dark={dark}
          />
        ))}
      </div>
      {omitted > 0 && <p class="quiet">and {count(omitted)} more, which came earlier</p>}
    </>
  );
}
