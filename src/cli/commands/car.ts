import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import { keepHeapLean } from "../../heap/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { parseDatasetPath } from "../arguments/dataset-argument.ts";
import { type Context, type HubOption, withCluster, withExamples, withHubOptions } from "../context.ts";
import { withInterrupt } from "../interrupt.ts";
import { bytes } from "../render/format.ts";
import { jsonLine } from "../render/json.ts";
import { writeAll } from "./cat.ts";

interface ImportCommandOptions extends HubOption {
  readonly name?: string;
  readonly replace?: boolean;
}

/** Writes a file that has its name only when it is whole. */
async function writeFile(parts: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const part = `${path}.part`;
  let written = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const each of parts) {
      written += each.length;
      yield each;
    }
  }
  try {
    await pipeline(counted(), createWriteStream(part));
    await rename(part, path);
    return written;
  } catch (cause) {
    await rm(part, { force: true });
    if (cause instanceof MusketeersError) throw cause;
    throw new MusketeersError("STORAGE", `${path} cannot be written: ${(cause as Error).message}`, { cause });
  }
}

function addExport(car: Command, context: Context): void {
  const command = withHubOptions(car.command("export").description("write a dataset as a CAR"))
    .argument("<dataset>", "a name or CID, with a path behind it or none")
    .argument("[file]", "where to (default: standard output)")
    .action(async (text: string, file: string | undefined, options: HubOption) => {
      keepHeapLean();
      const { terminal } = context;
      const { movingBuffers } = await import("../../client/node.ts");
      await withInterrupt((signal) =>
        withCluster(context, { ...options, signal }, async (cluster) => {
          const { dataset, path } = parseDatasetPath(text);
          const { cid } = await cluster.dataset(dataset).lookUp(path, { signal });
          const parts = movingBuffers(cluster.dataset(cid).car({ signal }));
          if (file === undefined || file === "-") return writeAll(parts, terminal);
          const written = await writeFile(parts, file);
          terminal.out(
            options.json ? jsonLine({ cid, file, bytes: written }) : `${cid}  ${file}  ${bytes(written)}\n`,
          );
        }),
      );
    });
  withExamples(command, ["musketeers car export books books.car", "for any IPFS program"]);
}

function addImport(car: Command, context: Context): void {
  const command = withHubOptions(car.command("import").description("store what a CAR holds"))
    .argument("<file>", "the CAR; - for standard input")
    .option("--name <name>", "keep its folder under this name")
    .option("--replace", "take the name from the dataset that has it")
    .action(async (file: string, options: ImportCommandOptions) => {
      keepHeapLean();
      const { terminal } = context;
      const { movingBuffers, readPath } = await import("../../client/node.ts");
      const { name, replace } = options;
      const cids = await withInterrupt((signal) =>
        withCluster(context, { ...options, signal }, async (cluster) => {
          const parts = file === "-" ? (terminal.input as AsyncIterable<Uint8Array>) : readPath(file);
          const roots = await cluster.importCar(movingBuffers(parts), {
            signal,
            ...(name === undefined ? {} : { name }),
            ...(replace === undefined ? {} : { replace }),
          });
          return Promise.all(roots.map((root) => root.cid({ signal })));
        }),
      );
      if (options.json) return terminal.out(jsonLine({ name: name ?? null, roots: cids }));
      for (const cid of cids) terminal.out(`${cid}${name === undefined ? "" : `  ${name}`}\n`);
    });
  withExamples(command, ["musketeers car import books.car --name books", "what others exported"]);
}

export function addCar(program: Command, context: Context): void {
  const car = program.command("car");
  addExport(car, context);
  addImport(car, context);
  withExamples(
    car,
    ["musketeers car export books books.car", "for any IPFS program, or another hub"],
    ["musketeers car import books.car --name books --json", "what others exported"],
  );
}
