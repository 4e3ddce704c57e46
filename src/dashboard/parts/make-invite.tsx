import { useState } from "preact/hooks";
import { DEFAULT_PROJECT, type InviteParams, type Role, roles } from "../../protocol/index.ts";
import { useAction, useHub } from "../hub.ts";
import { ActionButton, CopyLine, Failure } from "./basics.tsx";
import { QrCode } from "./qr-code.tsx";

const DAY_MS = 24 * 3_600_000;
const spans: readonly (readonly [string, number])[] = [
  ["a day", DAY_MS],
  ["a week", 7 * DAY_MS],
  ["30 days", 30 * DAY_MS],
  ["a year", 365 * DAY_MS],
];

const roleWords: Readonly<Record<Role, string>> = {
  viewer: "viewer: looks at everything",
  submitter: "submitter: sends work",
  worker: "worker: adds a machine",
  admin: "admin: may do everything",
};

interface Made {
  readonly role: Role;
  readonly invite: string;
  readonly joinCommand: string;
}

function MadeInvite({ made: { role, invite, joinCommand } }: { readonly made: Made }) {
  // A browser opens the same invite as a page.
  const link = role === "worker" ? invite : invite.replace("/join#", "/#");
  return (
    <div class="made">
      <QrCode text={link} label={`The invite for a ${role} as QR code`} />
      <div>
        <p>Send it to whom it is for, and to nobody else: whoever has it may use it.</p>
        {role === "worker" && <CopyLine text={joinCommand} label="the line that adds a worker" />}
        <CopyLine text={link} label="the invite" />
      </div>
    </div>
  );
}

/** What is typed; empty is what nothing is said about. */
interface Draft {
  readonly role: Role;
  readonly expiresInMs: number;
  readonly label: string;
  readonly project: string;
  readonly person: string;
  readonly uses: string;
  readonly people: string;
  readonly trusted: boolean;
}

const empty: Draft = {
  role: "viewer",
  expiresInMs: 7 * DAY_MS,
  label: "",
  project: "",
  person: "",
  uses: "",
  people: "",
  trusted: false,
};

function paramsOf({ role, expiresInMs, trusted, uses, people, ...texts }: Draft): InviteParams {
  const said = Object.entries(texts).filter(([, text]) => text.trim() !== "");
  const number = (text: string) => (text === "" ? undefined : Number(text));
  const counts = Object.entries({ uses: number(uses), people: number(people) });
  return {
    role,
    expiresInMs,
    ...Object.fromEntries(said.map(([name, text]) => [name, text.trim()])),
    ...Object.fromEntries(counts.filter(([, count]) => count !== undefined)),
    ...(trusted && role === "worker" ? { trusted } : {}),
  };
}

interface FieldProps {
  readonly name: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: string;
  readonly number?: boolean;
}

function Field({ name, value, onChange, hint, number = false }: FieldProps) {
  return (
    <label title={hint}>
      {name}
      <input
        {...(number ? { type: "number", min: 1, step: 1 } : { maxLength: 200 })}
        value={value}
        placeholder={hint}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </label>
  );
}

/** For whom an invite is, in more words than most need. */
function More({ draft, change }: { readonly draft: Draft; readonly change: (part: Partial<Draft>) => void }) {
  return (
    <details class="more">
      <summary>Whom it stands for</summary>
      <div class="form">
        <Field
          name="Project"
          value={draft.project}
          onChange={(project) => change({ project })}
          hint={draft.role === "admin" ? "the whole hub" : DEFAULT_PROJECT}
        />
        <Field
          name="Person"
          value={draft.person}
          onChange={(person) => change({ person })}
          hint="whoever comes with it"
        />
        <Field
          name="Machines"
          value={draft.uses}
          onChange={(uses) => change({ uses })}
          hint="any number"
          number
        />
        <Field
          name="People, one a machine"
          value={draft.people}
          onChange={(people) => change({ people })}
          hint="one, with all machines"
          number
        />
        {draft.role === "worker" && (
          <label class="check">
            <input
              type="checkbox"
              checked={draft.trusted}
              onChange={(event) => change({ trusted: event.currentTarget.checked })}
            />
            I vouch for its results
          </label>
        )}
      </div>
    </details>
  );
}

/** Makes an invite, and shows it. */
export function MakeInvite() {
  const { cluster } = useHub();
  const [draft, setDraft] = useState(empty);
  const [made, setMade] = useState<Made>();
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }));
  const make = useAction(async () =>
    setMade({ role: draft.role, ...(await cluster.call("invite", paramsOf(draft))) }),
  );
  return (
    <>
      <div class="form">
        <label>
          Role
          <select
            value={draft.role}
            onChange={(event) => change({ role: event.currentTarget.value as Role })}
          >
            {roles.map((name) => (
              <option key={name} value={name}>
                {roleWords[name]}
              </option>
            ))}
          </select>
        </label>
        <label>
          Good for
          <select
            value={draft.expiresInMs}
            onChange={(event) => change({ expiresInMs: Number(event.currentTarget.value) })}
          >
            {spans.map(([name, ms]) => (
              <option key={name} value={ms}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <Field name="For whom" value={draft.label} onChange={(label) => change({ label })} />
        <ActionButton action={make} tone="main">
          Make an invite
        </ActionButton>
      </div>
      <More draft={draft} change={change} />
      <Failure text={make.failure} />
      {made !== undefined && <MadeInvite made={made} />}
    </>
  );
}
