import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { defaultLimits } from "../../protocol/index.ts";
import * as face from "../index.ts";
import * as runtime from "../runtime.ts";
import { bundleSource } from "./bundle.ts";
import { loadTask } from "./load-task.ts";
import { locateTask } from "./locate.ts";

const run = promisify(execFile);
let root: string;

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "musketeers-bundle-")));
  await write("package.json", '{ "type": "module" }');
});
afterAll(() => rm(root, { recursive: true, force: true, maxRetries: 10 }));

async function write(name: string, text: string): Promise<string> {
  const path = join(root, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
}

/** Evaluates a bundle as a sandbox does and calls one of its entries. */
async function callIn(code: Uint8Array, entry: string, input: unknown): Promise<unknown> {
  const bundle = await write("out/bundle.mjs", new TextDecoder().decode(code));
  const script = await write(
    "out/sandbox.mjs",
    `const connected = new Promise((resolve) => { globalThis[Symbol.for("musketeers.connect")] = resolve; });
     const [url, entry, input] = process.argv.slice(2);
     const module = await Promise.race([import(url), connected]);
     const tasks = globalThis[Symbol.for("musketeers.tasks")];
     const fn = entry.startsWith("export:") ? module[entry.slice(7)] : tasks?.get(entry)?.fn;
     if (fn === undefined) throw new Error("no " + entry + " in " + [...(tasks?.keys() ?? [])]);
     try { console.log(JSON.stringify({ value: await fn(JSON.parse(input)) })); }
     catch (error) { console.log(JSON.stringify({ stack: error.stack })); }`,
  );
  const { stdout } = await run(process.execPath, [
    "--enable-source-maps",
    script,
    pathToFileURL(bundle).href,
    entry,
    JSON.stringify(input),
  ]);
  const { value, stack } = JSON.parse(stdout) as { value?: unknown; stack?: string };
  return stack ?? value;
}

test("an exported task is found by its name, with its options", async () => {
  const path = await write(
    "src/stock.ts",
    `import { task } from "musketeers";
     export const getTable = task(async (id: number): Promise<string> => "table " + id, { retries: 3, net: ["example.org"] });`,
  );
  const loaded = await loadTask(path, "getTable");
  expect(loaded).toMatchObject({
    entry: "site:src/stock.ts#0",
    title: "getTable",
    options: { retries: 3, net: ["example.org"] },
  });
  expect(await callIn(loaded.bundle.code, loaded.entry, 5)).toBe("table 5");
  expect(await loadTask(path)).toEqual(loaded);
});

test("tasks of a script that connects at its top level, unexported and two in one file", async () => {
  const path = await write(
    "main.ts",
    `import { connect, task } from "musketeers";
     const double = task((n: number) => n * 2);
     export const triple = task((n: number) => n * 3, { name: "thrice" });
     const cluster = await connect();
     export const never = task(() => cluster);
     await cluster.run(double, 1);
     throw new Error("the main part ran");`,
  );
  const { code } = await bundleSource(path);
  expect(await callIn(code, "site:main.ts#0", 7)).toBe(14);
  expect(await callIn(code, "site:main.ts#1", 7)).toBe(21);
  expect(await loadTask(path)).toMatchObject({ entry: "site:main.ts#1", title: "thrice" });
});

test("what is exported by default is called as its file is", async () => {
  const path = await write("word-count.ts", "export default (text: string) => text.length;");
  expect(await loadTask(path)).toMatchObject({ entry: "export:default", title: "word-count" });
});

test("a module may compute paths beside itself", async () => {
  const path = await write(
    "beside.ts",
    `import { task } from "musketeers";
     const here = new URL("./data.json", import.meta.url);
     export const where = task((name: string) => name + here.pathname);`,
  );
  const { bundle, entry } = await loadTask(path);
  expect(await callIn(bundle.code, entry, "at ")).toMatch(/^at \/.*data\.json$/);
});

test("each file counts its own tasks", async () => {
  await write(
    "lib/helper.ts",
    'import { task } from "musketeers";\nexport const a = task((n: number) => n + 1);',
  );
  const path = await write(
    "lib/main.ts",
    `import { task } from "musketeers";
     import { a } from "./helper.ts";
     export const b = task(async (n: number) => (await a(n)) * 10);`,
  );
  const { code } = await bundleSource(path);
  expect(await callIn(code, "site:lib/helper.ts#0", 1)).toBe(2);
  expect(await callIn(code, "site:lib/main.ts#0", 1)).toBe(20);
});

test("packages, JSON, Node's modules and plain functions", async () => {
  await write("node_modules/left/package.json", '{ "name": "left", "main": "index.cjs" }');
  await write("node_modules/left/index.cjs", 'module.exports = (text) => process.env.NODE_ENV + " " + text;');
  await write("data.json", '{ "word": "cloak" }');
  const path = await write(
    "plain.ts",
    `import { posix } from "path";
     import data from "./data.json";
     import left from "left";
     export const join = (name: string) => posix.join(left(data.word), name);
     export const version = 3;`,
  );
  const loaded = await loadTask(path);
  expect(loaded).toMatchObject({ entry: "export:join", title: "join", options: {} });
  expect(await callIn(loaded.bundle.code, "export:join", "x")).toBe("production cloak/x");
});

test("a plain function of a script that connects must be a task", async () => {
  const path = await write(
    "connects.ts",
    'import { connect } from "musketeers";\nexport const f = (n: number) => n;\nawait connect();',
  );
  await expect(loadTask(path, "f")).rejects.toMatchObject({
    code: "TASK_EXPORT_MISSING",
    hint: expect.stringContaining("task("),
  });
});

test("what CommonJS exports has no names, which is said", async () => {
  const path = await write(
    "common.cjs",
    'const { task } = require("musketeers");\nmodule.exports = { f: task((n) => n) };',
  );
  await expect(loadTask(path, "f")).rejects.toMatchObject({
    code: "TASK_EXPORT_MISSING",
    hint: expect.stringContaining("export const"),
  });
});

test("what is missing is said with what there is", async () => {
  const path = await write(
    "several.ts",
    'import { task } from "musketeers";\nexport const one = task((n: number) => n);\nexport const two = task((n: number) => n);',
  );
  await expect(loadTask(path)).rejects.toMatchObject({
    code: "TASK_EXPORT_MISSING",
    hint: expect.stringContaining("one, two"),
  });
  await expect(loadTask(path, "three")).rejects.toMatchObject({
    message: expect.stringContaining("three"),
    hint: expect.stringContaining("one, two"),
  });
  await expect(loadTask(join(root, "nowhere.ts"))).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("what does not bundle says where", async () => {
  const path = await write("broken.ts", "export const a = 1;\nexport const b = ;\n");
  await expect(bundleSource(path)).rejects.toMatchObject({
    code: "BUNDLE_FAILED",
    message: expect.stringMatching(/broken\.ts:2:18: Unexpected ";"/),
  });
  const missing = await write("missing.ts", 'import { x } from "not-installed";\nexport const a = x;');
  await expect(bundleSource(missing)).rejects.toMatchObject({
    code: "BUNDLE_FAILED",
    message: expect.stringMatching(/missing\.ts:1:\d+: Could not resolve "not-installed"$/),
    hint: expect.stringContaining("npm install not-installed"),
  });
  const throwing = await write("throwing.ts", 'export const a = 1;\nthrow new Error("at load");');
  await expect(loadTask(throwing)).rejects.toMatchObject({
    code: "BUNDLE_FAILED",
    message: expect.stringContaining("at load"),
  });
});

test("a module whose top level does not end is given up, and ended", async () => {
  const pid = join(root, "pid");
  const source = (rest: string) =>
    `import { renameSync, writeFileSync } from "node:fs";
     writeFileSync(${JSON.stringify(`${pid}.draft`)}, String(process.pid));
     renameSync(${JSON.stringify(`${pid}.draft`)}, ${JSON.stringify(pid)});
     export const a = () => 1;
     ${rest}`;
  const isGone = async () => {
    const id = Number(await readFile(pid, "utf8"));
    await rm(pid);
    expect(() => process.kill(id, 0)).toThrow("ESRCH");
  };
  const busy = await write("busy.ts", source("for (;;);"));
  await expect(loadTask(busy, "a", { timeoutMs: 6_000 })).rejects.toMatchObject({
    code: "BUNDLE_FAILED",
    message: expect.stringMatching(/busy\.ts fails while it is loaded: it was not done after 6 s/),
  });
  await isGone();
  const waiting = await write("waiting.ts", source("await new Promise((r) => setTimeout(r, 3_600_000));"));
  const controller = new AbortController();
  const loading = loadTask(waiting, "a", { signal: controller.signal });
  loading.catch(() => {});
  await expect.poll(() => readFile(pid, "utf8").catch(() => "")).not.toBe("");
  controller.abort(new Error("changed my mind"));
  await expect(loading).rejects.toThrow("changed my mind");
  await isGone();
});

test("stacks point into the source", async () => {
  const path = await write(
    "src/failing.ts",
    `import { task } from "musketeers";
interface Padding { readonly lines: number }
export const fail = task((padding: Padding) => {
  throw new RangeError("line four");
});`,
  );
  const { code } = await bundleSource(path);
  expect(await callIn(code, "site:src/failing.ts#0", {})).toMatch(
    /RangeError: line four\n.*src\/failing\.ts:4:9/,
  );
});

test("bundles are kept until a source changes, and are the same in another place", async () => {
  const helper = await write("kept/helper.ts", "export const n = 1;");
  await write("kept/package.json", "{}");
  const path = await write("kept/main.ts", 'import { n } from "./helper.ts";\nexport const f = () => n;');
  const first = await bundleSource(path);
  expect(await bundleSource(path)).toBe(first);
  await cp(join(root, "kept"), join(root, "deep/copy"), { recursive: true });
  expect((await bundleSource(join(root, "deep/copy/main.ts"))).cid).toBe(first.cid);
  await writeFile(helper, "export const n = 12345;");
  const second = await bundleSource(path);
  expect(new TextDecoder().decode(second.code)).toContain("12345");
  expect(second.cid).not.toBe(first.cid);
});

test("bundleBytesMax: a bundle over its limit is refused", async () => {
  const path = await write("large.ts", `export const text = "${"x".repeat(5000)}";`);
  await expect(bundleSource(path, { ...defaultLimits, bundleBytesMax: 1000 })).rejects.toMatchObject({
    code: "LIMIT_EXCEEDED",
  });
});

test("the runtime has all names of the face, and is small", async () => {
  expect([...Object.keys(runtime), "task", "mapReduce"]).toEqual(expect.arrayContaining(Object.keys(face)));
  const path = await write("tiny.ts", 'import * as all from "musketeers";\nexport const f = () => all;');
  const [code] = new TextDecoder().decode((await bundleSource(path)).code).split("//# sourceMappingURL");
  expect(code!.length).toBeLessThan(8_000);
  const source = await readFile(new URL("../runtime.ts", import.meta.url), "utf8");
  expect(source).not.toMatch(/^import (?!type)/m);
});

test("CommonJS packages may require Node's modules", async () => {
  await write("node_modules/emits/package.json", '{ "name": "emits", "main": "index.js" }');
  await write(
    "node_modules/emits/index.js",
    'const Emitter = require("events"); const { join } = require("node:path");\nmodule.exports = class extends Emitter { path() { return join("a", "b"); } };',
  );
  const path = await write(
    "emit.ts",
    `import Emits from "emits";
     export const count = (n: number) => { const it = new Emits(); it.on("x", (m: number) => { n += m; }); it.emit("x", 5); return n + it.path(); };`,
  );
  const { code } = await bundleSource(path);
  expect(await callIn(code, "export:count", 1)).toBe("6a/b");
});

test("a task is found by where it was made, in a script that a loader compiles", async () => {
  const fileOf = (name: string) => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
  await write(
    "made/tasks.ts",
    `import { type Task, task } from ${fileOf("../index.ts")};
     interface Unused { readonly line: number }

     /* const not = task( */ // task(
     const skipped: Task<(n: number) => number> = task((n: number) => n);
     export const made = task(function named(n: number): number { return n + 1; });
     export const late = () => task((n: number) => n * 100);
     export { skipped };`,
  );
  const main = await write(
    "made/main.ts",
    `import { skipped, made, late } from "./tasks.ts";
     import { locateTask } from ${fileOf("locate.ts")};
     const found = [await locateTask(skipped), await locateTask(made), await locateTask(late())];
     console.log(JSON.stringify(found.map(({ entry, title, bundle }) => [entry, title, bundle.cid])));`,
  );
  const tsx = createRequire(import.meta.url).resolve("tsx");
  const { stdout } = await run(process.execPath, ["--import", pathToFileURL(tsx).href, main]);
  const { cid, code } = await bundleSource(join(root, "made/tasks.ts"));
  expect(JSON.parse(stdout)).toEqual([
    ["site:made/tasks.ts#0", "skipped", cid],
    ["site:made/tasks.ts#1", "named", cid],
    ["site:made/tasks.ts#2", "made/tasks.ts#2", cid],
  ]);
  expect(await callIn(code, "site:made/tasks.ts#1", 1)).toBe(2);
});

test("what is no task says how to write one", async () => {
  await expect(locateTask((n: number) => n)).rejects.toMatchObject({
    code: "TASK_UNKNOWN",
    hint: expect.stringContaining("task("),
  });
  await expect(locateTask(undefined)).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
});
