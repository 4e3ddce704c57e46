// Builds dist/ from src/: modules with types by the compiler, the sandbox's bootstrap and the page by the bundler.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

// The tools below would only say that something cannot be imported.
const { engines } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const [major, minor] = process.versions.node.split(".").map(Number);
const [leastMajor, leastMinor] = engines.node.replace(">=", "").split(".").map(Number);
if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
  process.stderr.write(
    `Musketeers needs Node.js ${engines.node}, and this is ${process.versions.node}: https://nodejs.org\n`,
  );
  process.exit(1);
}
const stamp = join(root, "dist", ".built");

/** The newest change below a folder or of a file. */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.mtimeMs;
  let latest = stat.mtimeMs;
  for (const name of readdirSync(path)) latest = Math.max(latest, newest(join(path, name)));
  return latest;
}

const inputs = ["src", "scripts", "package.json", "tsconfig.json", "tsconfig.build.json"];
const builtAt = existsSync(stamp) ? statSync(stamp).mtimeMs : -1;
if (builtAt > Math.max(...inputs.map((name) => newest(join(root, name))))) process.exit(0);

// Built beside and then swapped, so that a program that starts meanwhile finds a whole package.
const unfinished = join(root, `dist.${process.pid}.part`);
process.once("exit", () => rmSync(unfinished, { recursive: true, force: true, maxRetries: 10 }));
rmSync(unfinished, { recursive: true, force: true, maxRetries: 10 });
const require = createRequire(import.meta.url);
const compiler = join(dirname(require.resolve("typescript/package.json")), "bin", "tsc");
const compiled = spawnSync(
  process.execPath,
  [compiler, "-p", "tsconfig.build.json", "--outDir", unfinished],
  {
    cwd: root,
    stdio: "inherit",
  },
);
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

const { buildBootstrap, buildTab } = await import("./build-bootstrap.mjs");
const { buildRequired } = await import("./build-required.mjs");
const { buildDashboard } = await import("./build-dashboard.mjs");
await buildBootstrap(join(unfinished, "worker", "executors", "bootstrap"));
await buildRequired(join(unfinished, "client"));
await buildDashboard(join(unfinished, "dashboard"));
await buildTab(join(unfinished, "dashboard", "tab"));
chmodSync(join(unfinished, "cli", "main.js"), 0o755);
writeFileSync(join(unfinished, ".built"), "");

const dist = join(root, "dist");
const replaced = `${unfinished}.old`;
if (existsSync(dist)) renameSync(dist, replaced);
renameSync(unfinished, dist);
rmSync(replaced, { recursive: true, force: true, maxRetries: 10 });

// npm links the programs of what a package depends on, not its own: so that `npx musketeers` works here too.
const programs = join(root, "node_modules", ".bin");
if (existsSync(programs)) {
  const program = join(programs, "musketeers");
  rmSync(program, { force: true });
  if (process.platform === "win32")
    writeFileSync(`${program}.cmd`, '@node "%~dp0\\..\\..\\dist\\cli\\main.js" %*\r\n');
  else symlinkSync(join("..", "..", "dist", "cli", "main.js"), program);
}
