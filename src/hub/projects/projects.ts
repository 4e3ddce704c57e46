import type { Registry } from "../../engine/index.ts";
import {
  DEFAULT_PROJECT,
  decodeValue,
  encodeValue,
  isProjectName,
  type Limits,
  MusketeersError,
  noProjectLimits,
  type ProjectLimits,
} from "../../protocol/index.ts";

const PREFIX = "project/";
const MINUTE_MS = 60_000;

/** What a hub keeps of a project. */
export interface Project {
  readonly name: string;
  /** Public, in hexadecimal; the secret half is its owner's, and never here. */
  readonly rootKey: string;
  readonly owner: string;
  readonly createdAtMs: number;
  readonly limits: ProjectLimits;
  /** Certificates that its owner has taken back, signed by its root key. */
  readonly revocations?: Uint8Array;
}

/** What a project may use, and what it uses. */
export interface Demanded {
  readonly inputs: number;
  readonly bytes: number;
}

const over = (project: string, what: string, name: keyof ProjectLimits): MusketeersError =>
  new MusketeersError("LIMIT_EXCEEDED", `The project ${project} may have ${what} (${name})`, {
    hint: "Wait until some of its jobs have ended, or ask the hub's admin: musketeers project limits.",
  });

/** The projects of a hub, and what each may use. */
export class Projects {
  readonly #registry: Registry;
  readonly #limits: Pick<Limits, "projectsMax">;
  readonly #wallMs: () => number;
  readonly #byName = new Map<string, Project>();
  /** Times of the submissions of the last minute, of those whose rate has a limit. */
  readonly #submissions = new Map<string, number[]>();
  /** One change after the other. */
  #last: Promise<unknown> = Promise.resolve();
  /** Told of each whose limits are not what they were. */
  onLimits: (project: Project) => void = () => {};

  /** Told of each whose owner took certificates back. */
  onRevoked: (project: Project) => void = () => {};

  private constructor(registry: Registry, limits: Pick<Limits, "projectsMax">, wallMs: () => number) {
    this.#registry = registry;
    this.#limits = limits;
    this.#wallMs = wallMs;
    // There since before anybody created one.
    const nobody = { rootKey: "", owner: "", createdAtMs: 0, limits: noProjectLimits };
    this.#byName.set(DEFAULT_PROJECT, { name: DEFAULT_PROJECT, ...nobody });
  }

  /** Reads what was kept. */
  static async open(
    registry: Registry,
    limits: Pick<Limits, "projectsMax">,
    wallMs: () => number,
  ): Promise<Projects> {
    const projects = new Projects(registry, limits, wallMs);
    for (const key of await registry.list(PREFIX)) {
      const name = key.slice(PREFIX.length);
      const entry = await registry.get(key);
      if (entry === undefined) continue;
      const kept = decodeValue(entry.value) as unknown as Omit<Project, "name">;
      projects.#byName.set(name, { ...kept, name, limits: { ...noProjectLimits, ...kept.limits } });
    }
    return projects;
  }

  /** By name. */
  list(): readonly Project[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** @throws MusketeersError `NOT_FOUND` */
  require(name: string): Project {
    const found = this.#byName.get(name);
    if (found !== undefined) return found;
    throw new MusketeersError("NOT_FOUND", `There is no project ${name}`, {
      hint: "List them with `musketeers project list`.",
    });
  }

  /** @throws MusketeersError `BAD_ARGUMENT`, `PROJECT_EXISTS`, `TOO_MANY`, `STORAGE` */
  async create(
    project: Pick<Project, "name" | "rootKey" | "owner">,
    limits: Partial<ProjectLimits>,
  ): Promise<Project> {
    const { name } = project;
    if (!isProjectName(name)) {
      throw new MusketeersError(
        "BAD_ARGUMENT",
        `No name of a project: ${JSON.stringify(name.slice(0, 80))}`,
        {
          hint: "Up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or a digit.",
        },
      );
    }
    return this.#alone(async () => {
      if (this.#byName.has(name)) {
        throw new MusketeersError("PROJECT_EXISTS", `There is a project ${name} already`);
      }
      if (this.#byName.size >= this.#limits.projectsMax) {
        throw new MusketeersError("TOO_MANY", `The hub has ${this.#byName.size} projects (projectsMax)`);
      }
      const createdAtMs = Math.round(this.#wallMs());
      return this.#put({ ...project, createdAtMs, limits: { ...noProjectLimits, ...limits } });
    });
  }

  /** Changes limits; those that are not given stay. @throws MusketeersError `NOT_FOUND`, `STORAGE` */
  limit(name: string, limits: Partial<ProjectLimits>): Promise<Project> {
    return this.#alone(async () => {
      const before = this.require(name);
      return this.#put({ ...before, limits: { ...before.limits, ...limits } });
    });
  }

  /** Keeps the list of certificates that a project's owner has taken back. @throws MusketeersError `NOT_FOUND`, `STORAGE` */
  async revoke(name: string, revocations: Uint8Array): Promise<Project> {
    const project = await this.#alone(() => this.#put({ ...this.require(name), revocations }));
    this.onRevoked(project);
    return project;
  }

  /** @throws MusketeersError `NOT_FOUND`; `BAD_ARGUMENT` for the default one */
  remove(name: string): Promise<Project> {
    return this.#alone(async () => {
      const found = this.require(name);
      if (name === DEFAULT_PROJECT) {
        throw new MusketeersError("BAD_ARGUMENT", "The default project cannot be removed");
      }
      await this.#registry.delete(PREFIX + name);
      this.#byName.delete(name);
      this.#submissions.delete(name);
      this.onLimits({ ...found, limits: noProjectLimits });
      return found;
    });
  }

  /**
   * Lets one more submission in.
   * @throws MusketeersError `TOO_MANY` where there were enough within the last minute
   */
  submit(name: string): void {
    const { jobsPerMinuteMax } = this.require(name).limits;
    if (jobsPerMinuteMax === null) return;
    const nowMs = this.#wallMs();
    const recent = (this.#submissions.get(name) ?? []).filter((atMs) => nowMs - atMs < MINUTE_MS);
    this.#submissions.set(name, recent);
    if (recent.length >= jobsPerMinuteMax) {
      const what = `${jobsPerMinuteMax} submissions a minute`;
      throw new MusketeersError("TOO_MANY", `The project ${name} may make ${what} (jobsPerMinuteMax)`, {
        hint: "Submit more inputs at once, or ask the hub's admin: musketeers project limits.",
      });
    }
    recent.push(nowMs);
  }

  /**
   * Checks whether a project may have so much more.
   * @param used what it has, asked for only where there is a limit
   * @throws MusketeersError `LIMIT_EXCEEDED`
   */
  admit(name: string, more: Demanded, used: () => Demanded): void {
    const { inputsMax, bytesMax } = this.require(name).limits;
    if (inputsMax === null && bytesMax === null) return;
    const { inputs, bytes } = used();
    if (inputsMax !== null && inputs + more.inputs > inputsMax) {
      throw over(name, `${inputsMax} inputs without a result`, "inputsMax");
    }
    if (bytesMax !== null && bytes + more.bytes > bytesMax) throw over(name, `${bytesMax} bytes`, "bytesMax");
  }

  async #put({ name, ...kept }: Project): Promise<Project> {
    await this.#registry.put(PREFIX + name, encodeValue(kept));
    const project = { name, ...kept };
    this.#byName.set(name, project);
    this.onLimits(project);
    return project;
  }

  #alone<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => {});
    return done;
  }
}
