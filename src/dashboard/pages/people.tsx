import { useState } from "preact/hooks";
import { type InviteRow, type Role, roles } from "../../protocol/index.ts";
import { count, dateTime } from "../format.ts";
import { mayManage, rowsOf, useAction, useHub, useTopic } from "../hub.ts";
import { ActionButton, CopyLine, Failure, Section, Table, Waiting } from "../parts/basics.tsx";
import { Credit } from "../parts/credit.tsx";
import { QrCode } from "../parts/qr-code.tsx";

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

function MakeInvite() {
  const { cluster } = useHub();
  const [role, setRole] = useState<Role>("viewer");
  const [expiresInMs, setExpires] = useState(7 * DAY_MS);
  const [label, setLabel] = useState("");
  const [made, setMade] = useState<Made>();
  const make = useAction(async () => {
    const asked = { role, expiresInMs, ...(label === "" ? {} : { label }) };
    setMade({ role, ...(await cluster.call("invite", asked)) });
  });
  return (
    <>
      <div class="form">
        <label>
          Role
          <select value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
            {roles.map((name) => (
              <option key={name} value={name}>
                {roleWords[name]}
              </option>
            ))}
          </select>
        </label>
        <label>
          Good for
          <select value={expiresInMs} onChange={(event) => setExpires(Number(event.currentTarget.value))}>
            {spans.map(([name, ms]) => (
              <option key={name} value={ms}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          For whom
          <input maxLength={200} value={label} onInput={(event) => setLabel(event.currentTarget.value)} />
        </label>
        <ActionButton action={make} tone="main">
          Make an invite
        </ActionButton>
      </div>
      <Failure text={make.failure} />
      {made !== undefined && <MadeInvite made={made} />}
    </>
  );
}

function Revoke({ invite }: { readonly invite: InviteRow }) {
  const { cluster } = useHub();
  const revoke = useAction(() => cluster.call("revoke", { invite: invite.id }));
  if (invite.revokedAtMs !== null) return <span class="quiet">revoked {dateTime(invite.revokedAtMs)}</span>;
  const whose = invite.label === "" ? `a ${invite.role}` : invite.label;
  return (
    <>
      <ActionButton
        action={revoke}
        tone="danger"
        confirm={`Take back the invite of ${whose}? Its connections end.`}
      >
        Revoke
      </ActionButton>
      <Failure text={revoke.failure} />
    </>
  );
}

function Invites({ rows }: { readonly rows: readonly InviteRow[] }) {
  return (
    <>
      <Section title="Invite somebody">
        <MakeInvite />
      </Section>
      <Section title="Invites">
        <Table<InviteRow>
          label="Invites"
          rows={rows}
          keyOf={({ id }) => id}
          columns={[
            { title: "For", cell: ({ label }) => label || "–", kind: "wide" },
            { title: "Role", cell: ({ role, trusted }) => (trusted ? `${role}, trusted` : role) },
            { title: "Project", cell: ({ project }) => project },
            { title: "Connected", cell: ({ connections }) => count(connections), kind: "number" },
            { title: "Ends", cell: ({ expiresAtMs }) => dateTime(expiresAtMs) },
            { title: "Action", cell: (invite) => <Revoke invite={invite} /> },
          ]}
          empty="There is none."
        />
      </Section>
    </>
  );
}

/** Who may do what, and who gave what. */
export function PeoplePage() {
  const { user } = useHub();
  const followed = useTopic("people");
  const { state } = followed;
  if (state === undefined) return <Waiting followed={followed} />;
  return (
    <>
      <header class="title">
        <h1>People</h1>
      </header>
      <Credit state={state} />
      {mayManage(user) && <Invites rows={rowsOf<InviteRow>(state, "invites")} />}
    </>
  );
}
