import { count, plural } from "../format.ts";
import { mayStayAwake, type Power } from "./abilities.ts";
import type { Settings } from "./kept.ts";

interface LendingProps {
  readonly settings: Settings;
  readonly cores: number;
  readonly power: Power;
  /** A name is told to the hub when the tab joins. */
  readonly isNameFixed: boolean;
  readonly change: (settings: Settings) => void;
}

interface ChoiceProps {
  readonly title: string;
  readonly note: string;
  readonly checked: boolean;
  readonly disabled?: boolean;
  readonly choose: (checked: boolean) => void;
}

function Choice({ title, note, checked, disabled = false, choose }: ChoiceProps) {
  return (
    <label class="choice">
      <input
        type="checkbox"
        checked={checked && !disabled}
        disabled={disabled}
        onChange={({ currentTarget }) => choose(currentTarget.checked)}
      />
      <span>
        {title}
        <span class="quiet">{note}</span>
      </span>
    </label>
  );
}

const powerNotes: Readonly<Record<Power, string>> = {
  mains: "It is charging now.",
  battery: "It is on its battery now.",
  unknown: "This browser does not tell whether it is charging.",
};

/** How much of this machine its volunteer lends, and when. */
export function Lending({ settings, cores, power, isNameFixed, change }: LendingProps) {
  const { slots, onlyWhenVisible, onlyWhenCharging, awake, name } = settings;
  const canStayAwake = mayStayAwake();
  return (
    <form class="lending" onSubmit={(event) => event.preventDefault()}>
      <label class="cores">
        <span>
          Processor: <strong>{count(slots)}</strong> of {plural(cores, "core")}
        </span>
        <input
          type="range"
          min={1}
          max={cores}
          step={1}
          value={slots}
          disabled={cores === 1}
          aria-valuetext={`${count(slots)} of ${plural(cores, "core")}`}
          onInput={({ currentTarget }) => change({ ...settings, slots: Number(currentTarget.value) })}
        />
      </label>
      <Choice
        title="Only while this page can be seen"
        note="Otherwise it works on in the background; browsers give background pages less."
        checked={onlyWhenVisible}
        choose={(checked) => change({ ...settings, onlyWhenVisible: checked })}
      />
      <Choice
        title="Only while charging"
        note={powerNotes[power]}
        checked={onlyWhenCharging}
        disabled={power === "unknown"}
        choose={(checked) => change({ ...settings, onlyWhenCharging: checked })}
      />
      <Choice
        title="Keep the screen on while it works"
        note={
          canStayAwake
            ? "A phone whose screen goes dark stops the page."
            : "This browser lets only pages over HTTPS do so."
        }
        checked={awake}
        disabled={!canStayAwake}
        choose={(checked) => change({ ...settings, awake: checked })}
      />
      <label class="named">
        <span>Name that others see</span>
        <input
          type="text"
          value={name}
          maxLength={64}
          placeholder="your browser's"
          disabled={isNameFixed}
          onInput={({ currentTarget }) => change({ ...settings, name: currentTarget.value })}
        />
      </label>
    </form>
  );
}
