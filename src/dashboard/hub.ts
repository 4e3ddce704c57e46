import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import type { Cluster, LiveState, SignedIn } from "../client/browser.ts";
import { MusketeersError, type TopicName } from "../protocol/index.ts";

/** The hub that a page looks at, and who looks. */
export interface HubAccess {
  readonly cluster: Cluster;
  readonly user: SignedIn;
}

const Access = createContext<HubAccess | undefined>(undefined);
export const HubProvider = Access.Provider;

export function useHub(): HubAccess {
  const access = useContext(Access);
  if (access === undefined) throw new Error("outside of the hub's pages");
  return access;
}

export const maySubmit = ({ role }: SignedIn): boolean => role === "admin" || role === "submitter";
export const mayManage = ({ role }: SignedIn): boolean => role === "admin";

export interface Followed {
  /** Undefined until the hub has said something. */
  readonly state: LiveState | undefined;
  readonly error: MusketeersError | undefined;
}

/** Follows a topic while the component is shown. */
export function useTopic(topic: TopicName, of = ""): Followed {
  const { cluster } = useHub();
  const [followed, setFollowed] = useState<Followed & { readonly of: string }>({
    of,
    state: undefined,
    error: undefined,
  });
  useEffect(
    () =>
      cluster.follow(topic, of, {
        onState: (state) => setFollowed({ of, state, error: undefined }),
        onError: (error) => {
          // Signed out elsewhere, or the invite was taken back.
          if (error.code === "UNAUTHORIZED") location.reload();
          setFollowed((before) => ({ ...before, of, error }));
        },
      }),
    [cluster, topic, of],
  );
  return followed.of === of ? followed : { state: undefined, error: undefined };
}

/** A table's rows, in the hub's order. */
export const rowsOf = <Row>(state: LiveState | undefined, table: string): readonly Row[] =>
  state === undefined ? [] : ([...(state.tables[table]?.values() ?? [])] as Row[]);

export interface Action {
  readonly run: () => void;
  readonly busy: boolean;
  /** What went wrong, in words; empty where nothing did. */
  readonly failure: string;
}

/** Something that the reader asks the hub to do. */
export function useAction(act: () => Promise<unknown>): Action {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState("");
  const run = () => {
    setBusy(true);
    setFailure("");
    act()
      .catch((error: unknown) => setFailure(wordsOf(error)))
      .finally(() => setBusy(false));
  };
  return { run, busy, failure };
}

export function wordsOf(error: unknown): string {
  if (!(error instanceof MusketeersError)) return String(error);
  return `${error.message}${/[.!?]$/.test(error.message) ? "" : "."} ${error.hint}`;
}
