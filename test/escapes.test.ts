import { afterAll, describe, expect, test } from "vitest";
import { unseen } from "./escapes/attempts.ts";
import { sandboxesHere, tryEscapes } from "./escapes/escapes.ts";

/* Every known way out of each sandbox that is here; `npm run escapes` says more about them. */

const sandboxes = await sandboxesHere();
afterAll(() => Promise.all(sandboxes.map((sandbox) => sandbox.close())));

describe.each(sandboxes)("$kind", (sandbox) => {
  test("lets no task out", { timeout: 300_000 }, async () => {
    const { tried, outcomes } = await tryEscapes(sandbox);
    expect(tried).toBeGreaterThan(100);
    expect(outcomes.filter(({ escaped }) => escaped)).toEqual([]);
    // Its volunteer can read of each that was denied something, or ended.
    expect(outcomes.filter(({ attempt, seen }) => seen.length === 0 && !unseen.includes(attempt))).toEqual(
      [],
    );
    // What was denied was denied by name, ended for what it took, or found to be nothing: nothing merely hung.
    const hung = outcomes.filter(
      ({ attempt, told }) => told.startsWith("timeout") && !attempt.startsWith("exhaustion"),
    );
    expect(hung).toEqual([]);
  });
});
