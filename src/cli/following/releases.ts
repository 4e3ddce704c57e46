import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { bodyOf, type HubAnswer, type HubFetch } from "../../client/node.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { equalBytes, openRelease, type Release } from "../../security/index.ts";
import { packageDigest } from "../../security/node.ts";
import type { Digest } from "./keeper.ts";

const run = promisify(execFile);

/** npm fetches what the program needs, on a slow machine and a slow line. */
const INSTALL_TIMEOUT_MS = 20 * 60_000;
const TRIAL_TIMEOUT_MS = 60_000;
const STATEMENT_BYTES_MAX = 4_096;
/** The one that runs, and the one to go back to. */
const RELEASES_KEPT = 2;

export const hex = (bytes: Uint8Array): Digest => Buffer.from(bytes).toString("hex");

export interface ReleasesOptions {
  /** The hub's address, without a slash at its end, and its public key. */
  readonly url: string;
  readonly hubKey: Uint8Array;
  readonly fetch: HubFetch;
  readonly directory: string;
  readonly releaseBytesMax: number;
  readonly signal: AbortSignal;
}

/** What is written down for the next start. */
export interface Current {
  readonly digest: Digest;
  readonly sequence: number;
}

/** The releases that a hub hands out, fetched, checked and kept in a directory; each is a package that npm installed. */
export class Releases {
  readonly #options: ReleasesOptions;

  constructor(options: ReleasesOptions) {
    this.#options = options;
  }

  #currentFile(): string {
    return join(this.#options.directory, `${hex(this.#options.hubKey).slice(0, 16)}.json`);
  }

  #folderOf(digest: Digest): string {
    return join(this.#options.directory, digest);
  }

  /** The program of a release, to be run by Node. */
  programOf(digest: Digest): string {
    return join(this.#folderOf(digest), "node_modules", "musketeers", "dist", "cli", "main.js");
  }

  /** What this hub's worker ran last; undefined where that is not known, or not there any more. */
  async current(): Promise<Current | undefined> {
    try {
      const { digest, sequence } = JSON.parse(await readFile(this.#currentFile(), "utf8")) as Current;
      if (!/^[0-9a-f]{64}$/.test(digest) || !Number.isSafeInteger(sequence)) return undefined;
      return (await this.#isWhole(digest)) ? { digest, sequence } : undefined;
    } catch {
      return undefined;
    }
  }

  /** Writes down what runs well, and removes what nobody goes back to. */
  async keep(current: Current): Promise<void> {
    const { directory } = this.#options;
    await mkdir(directory, { recursive: true });
    const part = `${this.#currentFile()}.${process.pid}.part`;
    await writeFile(part, JSON.stringify(current));
    await rename(part, this.#currentFile());
    const named = await this.#named();
    const old = (await readdir(directory)).filter((name) => /^[0-9a-f]{64}$/.test(name) && !named.has(name));
    for (const name of old.slice(RELEASES_KEPT - 1)) {
      await rm(join(directory, name), { recursive: true, force: true, maxRetries: 10 });
    }
  }

  /** What the workers of any hub of this user run. */
  async #named(): Promise<ReadonlySet<Digest>> {
    const { directory } = this.#options;
    const files = (await readdir(directory)).filter((name) => name.endsWith(".json"));
    const texts = await Promise.all(
      files.map((name) => readFile(join(directory, name), "utf8").catch(() => "{}")),
    );
    return new Set(texts.map((text) => (JSON.parse(text) as Partial<Current>).digest ?? ""));
  }

  /**
   * What the hub hands out now.
   * @throws MusketeersError `HUB_UNREACHABLE`; `UNAUTHORIZED` for what it did not sign
   */
  async announced(): Promise<Release & { readonly sequence: number }> {
    const bytes = await this.#get("/musketeers.release", STATEMENT_BYTES_MAX);
    return openRelease(bytes, this.#options.hubKey);
  }

  /**
   * Fetches a release, unless it is there; installs what it needs; tries whether it starts.
   * @throws MusketeersError `BLOB_MISMATCH`, `LIMIT_EXCEEDED`, `STORAGE` or `INTERNAL` with what npm said
   */
  async install(release: Release): Promise<void> {
    const digest = hex(release.digest);
    if (await this.#isWhole(digest)) return;
    const { directory, releaseBytesMax } = this.#options;
    if (release.archiveBytes > releaseBytesMax) throw tooLarge(release.archiveBytes, releaseBytesMax);
    const archive = await this.#get("/musketeers.tgz", release.archiveBytes);
    if (!equalBytes(createHash("sha256").update(archive).digest(), release.archive)) {
      throw new MusketeersError("BLOB_MISMATCH", "The hub's program is not the one that it signed");
    }
    await mkdir(directory, { recursive: true });
    const part = await mkdtemp(join(directory, "part-"));
    try {
      await this.#unpack(part, archive, release);
      await rm(this.#folderOf(digest), { recursive: true, force: true, maxRetries: 10 });
      await rename(part, this.#folderOf(digest));
    } finally {
      await rm(part, { recursive: true, force: true, maxRetries: 10 });
    }
  }

  async #unpack(folder: string, archive: Uint8Array, { digest, version }: Release): Promise<void> {
    await writeFile(join(folder, "package.json"), '{ "private": true }\n');
    await writeFile(join(folder, "musketeers.tgz"), archive);
    const { signal } = this.#options;
    const flags = ["--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--prefer-offline"];
    await said("npm", ["install", ...flags, "./musketeers.tgz"], {
      cwd: folder,
      timeout: INSTALL_TIMEOUT_MS,
      signal,
      shell: process.platform === "win32",
    });
    const program = join(folder, "node_modules", "musketeers");
    if (!equalBytes(await packageDigest(program), digest)) {
      throw new MusketeersError("BLOB_MISMATCH", "The hub's program was installed with other contents");
    }
    const main = join(program, "dist", "cli", "main.js");
    const printed = await said(process.execPath, [main, "--version"], { timeout: TRIAL_TIMEOUT_MS, signal });
    if (printed.trim() !== version) {
      throw new MusketeersError("INTERNAL", `The hub's program says it is ${printed.trim()}, not ${version}`);
    }
  }

  /** Installed to the end: it was renamed to its name only then, and nobody changed it since. */
  async #isWhole(digest: Digest): Promise<boolean> {
    const folder = join(this.#folderOf(digest), "node_modules", "musketeers");
    return packageDigest(folder).then(
      (found) => hex(found) === digest,
      () => false,
    );
  }

  async #get(path: string, bytesMax: number): Promise<Uint8Array> {
    const { url, fetch, signal } = this.#options;
    let response: HubAnswer;
    try {
      response = await fetch(url + path, { method: "GET", headers: {}, redirect: "error", signal });
    } catch (cause) {
      throw new MusketeersError("HUB_UNREACHABLE", `${url} does not answer`, { cause });
    }
    if (!response.ok) {
      await response.body?.cancel();
      throw new MusketeersError("HUB_UNREACHABLE", `${url}${path} answers ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of bodyOf(response)) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw tooLarge(bytes, bytesMax);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }
}

const tooLarge = (bytes: number, bytesMax: number): MusketeersError =>
  new MusketeersError(
    "LIMIT_EXCEEDED",
    `The hub's program has ${bytes} bytes or more, of ${bytesMax} allowed`,
  );

/** What a program printed; its last words where it failed. */
async function said(command: string, args: readonly string[], options: object): Promise<string> {
  try {
    const { stdout } = await run(command, [...args], { ...options, encoding: "utf8" });
    return stdout;
  } catch (cause) {
    const { code, stderr = "" } = cause as { code?: unknown; stderr?: string };
    const hint =
      code === "ENOENT"
        ? `${command} is not there: it comes with Node, or in a package of its own (Debian: apt install npm).`
        : "It needs what the program depends on: is the package registry reached from here?";
    throw new MusketeersError(
      "INTERNAL",
      `${command} failed: ${stderr.trim().split("\n").slice(-3).join(" ")}`,
      {
        cause,
        hint,
      },
    );
  }
}
