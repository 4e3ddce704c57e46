import type { LiveState } from "../../client/browser.ts";
import type { CreditSummary, PersonSummary } from "../../protocol/index.ts";
import { count, percent } from "../format.ts";
import { rowsOf } from "../hub.ts";
import { Section, Table } from "./basics.tsx";

interface StandingWords {
  readonly words: string;
  /** A class of `.state`. */
  readonly kind: string;
  readonly why: string;
}

/** How far a person's results are believed, where jobs ask for a quorum. */
export function standingOf({ trusted, suspect, proven, streak }: PersonSummary): StandingWords {
  if (trusted) return { words: "trusted", kind: "done", why: "the hub's owner vouches for it" };
  if (suspect)
    return {
      words: "suspect",
      kind: "broken",
      why: "refuted too often: gets no more work that asks for a quorum",
    };
  if (proven) return { words: "proven", kind: "done", why: `right ${count(streak)} times in a row` };
  return { words: "newcomer", kind: "", why: "others have to agree with it first" };
}

export function Standing({ person }: { readonly person: PersonSummary }) {
  const { words, kind, why } = standingOf(person);
  return (
    <span class={`state ${kind}`} title={why}>
      {words}
    </span>
  );
}

/** Whether there is more to say than that somebody is here. */
const isKnown = ({ trusted, valid, invalid, streak }: PersonSummary): boolean =>
  trusted || valid + invalid + streak > 0;

/** Who is believed how far, those who were refuted first. */
export function StandingTable({ state }: { readonly state: LiveState }) {
  const rows = rowsOf<PersonSummary>(state, "people").filter(isKnown);
  const labels = new Map(rowsOf<CreditSummary>(state, "credit").map(({ person, label }) => [person, label]));
  const checked = ({ valid, invalid }: PersonSummary) => valid + invalid;
  return (
    <Section title="Trust" aside={<span class="quiet">from jobs that ask for a quorum</span>}>
      <Table<PersonSummary>
        label="Trust"
        rows={rows}
        keyOf={({ person }) => person}
        columns={[
          { title: "Who", cell: ({ person }) => labels.get(person) || person.slice(0, 12), kind: "wide" },
          { title: "Standing", cell: (person) => <Standing person={person} /> },
          { title: "Streak", cell: ({ streak }) => count(streak), kind: "number" },
          { title: "Confirmed", cell: ({ valid }) => count(valid), kind: "number" },
          {
            title: "Refuted",
            cell: (person) => (
              <span
                class={person.invalid > 0 ? "bad" : "quiet"}
                title={checked(person) === 0 ? "" : percent(person.invalid / checked(person))}
              >
                {count(person.invalid)}
              </span>
            ),
            kind: "number",
          },
          { title: "Workers", cell: ({ workers }) => count(workers), kind: "number" },
        ]}
        empty="Nobody's answers were compared yet: that begins with a job that asks for a quorum."
      />
    </Section>
  );
}
