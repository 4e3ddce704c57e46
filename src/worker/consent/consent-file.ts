import { randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { MusketeersError } from "../../protocol/index.ts";
import { type Asks, imagesIn, missingOf, together } from "./asks.ts";
import { type ConsentContent, type Granted, IMAGES_MAX, parseContent } from "./consent-content.ts";
import type { ConsentRequest } from "./request.ts";

export type { Granted } from "./consent-content.ts";

/*
 * What the volunteers of a machine have said yes to, and what they are asked: one file for all workers of a user, by
 * project root key, so that neither another hub nor another project inherits a consent.
 */

/** Projects that are remembered; the one granted longest ago is forgotten first. */
const PROJECTS_MAX = 256;

const empty: ConsentContent = { version: 1, projects: {}, requests: [] };

/** The file of a user's consents; several processes may use it. */
export class ConsentFile {
  readonly path: string;
  readonly #requestsMax: number;

  /** @param requestsMax of each project; see `consentRequestsMax` */
  constructor(path: string, requestsMax: number) {
    this.path = path;
    this.#requestsMax = requestsMax;
  }

  /** @throws MusketeersError `BAD_ARGUMENT` where the file is no longer ours to understand */
  async read(): Promise<ConsentContent> {
    let text: string;
    try {
      text = await readFile(this.path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return empty;
      throw error;
    }
    try {
      return parseContent(text);
    } catch (cause) {
      throw new MusketeersError("BAD_ARGUMENT", `${this.path} is damaged`, {
        hint: "Delete it; every project will then ask for your consent again.",
        cause,
      });
    }
  }

  /** What was granted to a project; undefined where nobody was asked yet. */
  async grantedTo(id: string): Promise<Granted | undefined> {
    return (await this.read()).projects[id];
  }

  /** Adds to what a project was granted, and drops the requests that this answers. */
  async grant(id: string, more: Asks, about: Pick<Granted, "project" | "hub" | "atMs">): Promise<void> {
    const { projects, requests } = await this.read();
    const before = projects[id];
    const { net, memoryBytes, images = [] } = before === undefined ? more : together(before, more);
    const { project, hub, atMs } = about;
    const kept = { net: [...net], memoryBytes, ...imagesIn(images.slice(-IMAGES_MAX)) };
    const now: Granted = { ...kept, project, hub, atMs };
    const { [id]: _before, ...others } = projects;
    const latest = Object.entries({ ...others, [id]: now }).slice(-PROJECTS_MAX);
    await this.#write({
      version: 1,
      projects: Object.fromEntries(latest),
      requests: requests.filter((each) => each.of !== id || missingOf(now, each) !== undefined),
    });
  }

  /** Keeps a request until it is answered; says whether it is a new one. */
  async ask(asked: ConsentRequest): Promise<boolean> {
    const { requests, ...rest } = await this.read();
    if (requests.some(({ id }) => id === asked.id)) return false;
    const own = requests.filter(({ of }) => of === asked.of);
    const dropped = own.slice(0, Math.max(0, own.length + 1 - this.#requestsMax));
    await this.#write({ ...rest, requests: [...requests.filter((each) => !dropped.includes(each)), asked] });
    return true;
  }

  /** Takes back all that a project was granted; says whether there was something. */
  async withdraw(id: string): Promise<boolean> {
    const { projects, requests } = await this.read();
    if (!Object.hasOwn(projects, id)) return false;
    const { [id]: _gone, ...others } = projects;
    await this.#write({ version: 1, projects: others, requests: requests.filter(({ of }) => of !== id) });
    return true;
  }

  /** Takes back images that projects were granted; says of how many projects. */
  async withdrawImages(isMeant: (image: string, id: string) => boolean): Promise<number> {
    const { projects, ...rest } = await this.read();
    let count = 0;
    const left = Object.entries(projects).map(([id, { images = [], ...others }]) => {
      const kept = images.filter((image) => !isMeant(image, id));
      if (kept.length < images.length) count++;
      return [id, { ...others, ...imagesIn(kept) }] as const;
    });
    if (count > 0) await this.#write({ ...rest, projects: Object.fromEntries(left) });
    return count;
  }

  async #write(next: ConsentContent): Promise<void> {
    const draft = `${this.path}.${randomBytes(6).toString("hex")}`;
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
      await writeFile(draft, `${JSON.stringify(next, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
      await rename(draft, this.path);
    } catch (cause) {
      await rm(draft, { force: true }).catch(() => {});
      throw new MusketeersError("STORAGE", `${this.path} cannot be written: ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}
