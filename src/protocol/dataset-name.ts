import { MusketeersError } from "./errors.ts";

/** The name alone, or behind that of a project and a colon, as admins say it. */
const pattern = /^([a-z0-9][a-z0-9._-]{0,63}:)?[a-z0-9][a-z0-9._-]{0,63}$/;

/** @throws MusketeersError `BAD_ARGUMENT` for what cannot be the name of a dataset */
export function checkDatasetName(name: string): void {
  if (typeof name === "string" && pattern.test(name)) return;
  throw new MusketeersError(
    "BAD_ARGUMENT",
    `No name of a dataset: ${JSON.stringify(String(name).slice(0, 80))}`,
    {
      hint: "Up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or a digit.",
    },
  );
}
