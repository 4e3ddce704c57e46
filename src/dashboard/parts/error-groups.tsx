import { useState } from "preact/hooks";
import { decodeFailure, decodeValue, eachRecord, type JobDetails } from "../../protocol/index.ts";
import { count } from "../format.ts";
import { maySubmit, useAction, useHub } from "../hub.ts";
import { Failure } from "./basics.tsx";
import { textOf } from "./value-text.ts";

interface Shown {
  readonly input: number;
  readonly worker: string;
  readonly message: string;
  readonly stack: string;
  readonly given: string;
}

const INPUT_CHARACTERS_MAX = 4_000;

function firstRecord(block: Uint8Array): Uint8Array | undefined {
  for (const record of eachRecord(block)) return record;
  return undefined;
}

function Block({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <>
      <p class="quiet">{title}</p>
      <pre>{text}</pre>
    </>
  );
}

function Group({ job, error }: { readonly job: string; readonly error: JobDetails["errors"][number] }) {
  const { cluster, user } = useHub();
  const [shown, setShown] = useState<Shown>();
  const load = useAction(async () => {
    const { input, worker, failure, given } = await cluster.call("failure", {
      job,
      fingerprint: error.fingerprint,
    });
    const { name, message, stack } = decodeFailure(firstRecord(failure) ?? new Uint8Array(0));
    const record = given === null ? undefined : firstRecord(given);
    const text = record === undefined ? "" : textOf(decodeValue(record)).slice(0, INPUT_CHARACTERS_MAX);
    setShown({ input, worker, message: `${name}: ${message}`, stack, given: text });
  });
  const opened = (event: Event) => {
    if ((event.currentTarget as HTMLDetailsElement).open && shown === undefined) load.run();
  };
  const title = (
    <>
      <span class="bad number">{count(error.count)}</span> <span class="kind">{error.kind}</span>{" "}
      <span class="fingerprint">{error.fingerprint}</span>
    </>
  );
  if (!maySubmit(user)) return <div class="group">{title}</div>;
  return (
    <details class="group" onToggle={opened}>
      <summary>{title}</summary>
      <Failure text={load.failure} />
      {shown !== undefined && (
        <>
          <p>
            Input {count(shown.input)}
            {shown.worker === "" ? "" : `, on ${shown.worker}`}: {shown.message}
          </p>
          {shown.given !== "" && <Block title="Given" text={shown.given} />}
          {shown.stack !== "" && <Block title="Stack" text={shown.stack} />}
        </>
      )}
    </details>
  );
}

/** Failures by what they look like, the most frequent first, each with one example. */
export function ErrorGroups({ job }: { readonly job: JobDetails }) {
  const [search, setSearch] = useState("");
  if (job.errors.length === 0) return <p class="empty">Nothing has failed.</p>;
  const found = job.errors.filter(({ fingerprint, kind }) =>
    `${kind} ${fingerprint}`.toLowerCase().includes(search.toLowerCase()),
  );
  return (
    <>
      {job.errors.length > 5 && (
        <search class="filter">
          <input
            type="search"
            placeholder="Search errors"
            aria-label="Search errors"
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </search>
      )}
      <div class="groups">
        {found.map((error) => (
          <Group key={error.fingerprint} job={job.job} error={error} />
        ))}
      </div>
    </>
  );
}
