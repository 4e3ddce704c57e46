import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findDeno } from "../src/worker/executors/deno/binary.ts";
import { environmentOf, makeHome, Running, root, startUp } from "./support/program.ts";

/* The notebook of the examples, as far as it goes without Jupyter: its cells one after the other in Deno. */

/** In place of the kernel's. */
const display = "const display = async (data) => console.log(Object.keys(data).join());";

test("the cells of the notebook run in Deno, though their tasks stand in no file", {
  timeout: 120_000,
}, async () => {
  const home = await makeHome();
  const { up } = await startUp(home, ["--workers", "1"]);
  const modules = join(home, "node_modules");
  await mkdir(modules);
  await symlink(root, join(modules, "musketeers"));
  await writeFile(join(home, "package.json"), '{ "dependencies": { "musketeers": "*" } }');
  const notebook = await readFile(join(root, "examples", "notebook", "cluster.ipynb"), "utf8");
  const { cells } = JSON.parse(notebook) as { cells: { cell_type: string; source: string[] }[] };
  const code = cells.filter(({ cell_type }) => cell_type === "code").map(({ source }) => source.join(""));
  const { path } = await findDeno();
  const deno = new Running(
    path,
    ["run", "--allow-all", "--no-check", "-"],
    { ...environmentOf(home), DENO_DIR: join(home, "deno") },
    [display, ...code].join("\n").replaceAll("Deno.jupyter.display", "display"),
    home,
  );
  const { status, stdout, stderr } = await deno.ended;
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(stdout).toMatch(/^true\n1000003 1000033 .*\nwho did how many: \{ .*: 200 \}\n/m);
  expect(stdout).toContain('[ [ "all", 3 ], [ "for", 3 ], [ "one", 2 ] ]\nimage/svg+xml\n');
  expect((await up.stop()).status).toBe(0);
});
