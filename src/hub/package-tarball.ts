import { access, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { create } from "tar";
import { MusketeersError } from "../protocol/index.ts";

const packageRoot = fileURLToPath(new URL("../../", import.meta.url));

/**
 * This package as npm would pack it, so that a hub can hand itself to whoever joins. Made once.
 * @throws MusketeersError `NOT_FOUND` where the package is not built.
 */
export class PackageTarball {
  #made: Promise<Uint8Array> | undefined;

  get(): Promise<Uint8Array> {
    this.#made ??= this.#make().catch((error: unknown) => {
      this.#made = undefined;
      throw error;
    });
    return this.#made;
  }

  async #make(): Promise<Uint8Array> {
    const { files } = JSON.parse(await readFile(`${packageRoot}package.json`, "utf8")) as { files: string[] };
    try {
      await access(`${packageRoot}dist/cli/main.js`);
    } catch (cause) {
      const hint = "Build it: npm run build.";
      throw new MusketeersError("NOT_FOUND", "This hub runs from sources that are not built", {
        hint,
        cause,
      });
    }
    const present: string[] = [];
    for (const name of ["package.json", ...files]) {
      const there = await access(packageRoot + name).then(
        () => true,
        () => false,
      );
      if (there) present.push(name);
    }
    const pack = create({ cwd: packageRoot, gzip: true, portable: true, prefix: "package" }, present);
    const chunks: Buffer[] = [];
    for await (const chunk of pack) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
}
