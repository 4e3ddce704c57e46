import type { InviteRow } from "../../protocol/index.ts";
import { count, dateTime } from "../format.ts";
import { mayManage, rowsOf, useAction, useHub, useTopic } from "../hub.ts";
import { ActionButton, Failure, Section, Table, Waiting } from "../parts/basics.tsx";
import { Credit } from "../parts/credit.tsx";
import { MakeInvite } from "../parts/make-invite.tsx";
import { StandingTable } from "../parts/standing.tsx";

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
            {
              title: "Machines",
              cell: ({ used, uses }) => (uses === null ? count(used) : `${count(used)} / ${count(uses)}`),
              kind: "number",
            },
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
      <StandingTable state={state} />
      {mayManage(user) && <Invites rows={rowsOf<InviteRow>(state, "invites")} />}
    </>
  );
}
