import {
  checkDatasetName,
  DEFAULT_PROJECT,
  type EnrolledWorker,
  type JobSpec,
  MusketeersError,
  projectOf,
  serves,
} from "../../protocol/index.ts";
import type { Grant } from "../../security/index.ts";

/** Between a project and the name of a dataset of its. */
const SEPARATOR = ":";

/** How much of a hub the holder of an invite gets to see: its project; an admin all of them. */
export class Scope {
  /** Undefined: every one. */
  readonly project: string | undefined;

  constructor({ role, project }: Pick<Grant, "role" | "project">) {
    this.project = role === "admin" ? undefined : project;
  }

  hasProject(project: string): boolean {
    return this.project === undefined || this.project === project;
  }

  hasJob({ spec }: { readonly spec: JobSpec }): boolean {
    return this.hasProject(projectOf(spec));
  }

  hasWorker({ description }: { readonly description: EnrolledWorker }): boolean {
    return this.project === undefined || serves(description, this.project);
  }

  /**
   * What the catalogue calls a dataset of a member's. Admins name those of projects as `PROJECT:NAME`.
   * @throws MusketeersError `BAD_ARGUMENT`
   */
  storedName(name: string): string {
    if (this.project === undefined) return name;
    checkDatasetName(name);
    if (name.includes(SEPARATOR)) {
      throw new MusketeersError("BAD_ARGUMENT", `No name of a dataset: ${JSON.stringify(name)}`, {
        hint: "The datasets of other projects are not yours to name.",
      });
    }
    return this.project === DEFAULT_PROJECT ? name : this.project + SEPARATOR + name;
  }

  /** The other way round; undefined for what it does not see. */
  shownName(stored: string): string | undefined {
    if (this.project === undefined) return stored;
    const at = stored.indexOf(SEPARATOR);
    const project = at < 0 ? DEFAULT_PROJECT : stored.slice(0, at);
    return project === this.project ? stored.slice(at + 1) : undefined;
  }
}

/** The project of a dataset, by what the catalogue calls it. */
export function projectOfDataset(stored: string): string {
  const at = stored.indexOf(SEPARATOR);
  return at < 0 ? DEFAULT_PROJECT : stored.slice(0, at);
}
