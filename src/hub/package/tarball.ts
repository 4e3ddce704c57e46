import { createHash } from "node:crypto";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { create } from "tar";
import { MusketeersError, PACKAGE_VERSION } from "../../protocol/index.ts";
import { type Release, signRelease } from "../../security/index.ts";
import { packageDigest, packageRoot, packedFiles } from "../../security/node.ts";

export interface PackageTarballOptions {
  readonly hubSecretKey: Uint8Array;
  /** Milliseconds since 1970: what is handed out later has a larger number. */
  readonly nowMs: () => number;
}

interface Made {
  readonly bytes: Uint8Array;
  /** The hub's signed word on it. */
  readonly statement: Uint8Array;
}

/** This package as npm would pack it, so that a hub can hand itself to whoever joins. Made once. */
export class PackageTarball {
  readonly #options: PackageTarballOptions;
  #made: Promise<Made> | undefined;

  constructor(options: PackageTarballOptions) {
    this.#options = options;
  }

  /** @throws MusketeersError `NOT_FOUND` where the package is not built. */
  get(): Promise<Made> {
    this.#made ??= this.#make().catch((error: unknown) => {
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }

  async #make(): Promise<Made> {
    try {
      await access(join(packageRoot, "dist", "cli", "main.js"));
    } catch (cause) {
      const hint = "Build it: npm run build.";
      throw new MusketeersError("NOT_FOUND", "This hub runs from sources that are not built", {
        hint,
        cause,
      });
    }
    const [bytes, digest] = await Promise.all([pack(), packageDigest()]);
    const release: Release = {
      version: PACKAGE_VERSION,
      digest,
      archive: createHash("sha256").update(bytes).digest(),
      archiveBytes: bytes.length,
    };
    const { hubSecretKey, nowMs } = this.#options;
    return { bytes, statement: signRelease(release, Math.floor(nowMs()), hubSecretKey) };
  }
}

async function pack(): Promise<Uint8Array> {
  const files = await packedFiles();
  const renamed = new Map(files.map(({ name, path }) => [path.slice(packageRoot.length), name]));
  const archive = create(
    {
      cwd: packageRoot,
      gzip: true,
      portable: true,
      prefix: "package",
      onWriteEntry: (entry) => {
        const name = renamed.get(entry.path);
        if (name !== undefined) entry.path = name;
      },
    },
    [...renamed.keys()],
  );
  const chunks: Buffer[] = [];
  for await (const chunk of archive) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
