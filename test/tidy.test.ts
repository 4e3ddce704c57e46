import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/* What a machine can hold of the house rules. Lengths, cycles and floating promises are the linter's. */

const root = fileURLToPath(new URL("../", import.meta.url));

/** Who may import whom; see ARCHITECTURE.md. A room may always import itself. */
const arrows: Record<string, readonly string[]> = {
  protocol: [],
  scheduler: ["protocol"],
  data: ["protocol"],
  security: ["protocol"],
  engine: ["protocol", "data"],
  link: ["protocol", "security"],
  tracing: ["protocol"],
  heap: [],
  hub: ["protocol", "scheduler", "data", "security", "engine", "tracing", "heap"],
  worker: ["protocol", "data", "security", "link", "tracing"],
  client: ["protocol", "data", "security", "link", "tracing"],
  simulator: ["protocol", "scheduler", "data", "engine", "worker"],
  cli: ["protocol", "security", "client", "hub", "worker", "simulator", "heap"],
  dashboard: ["protocol", "client", "link", "security", "worker"],
};

/** The files of a room that others may import: its face for everybody, and its Node or browser part. */
const faces = new Set(["index.ts", "node.ts", "browser.ts"]);

/** Faces with a narrower name, where a room has a part that must stay out of its face. */
const extraFaces = new Set([
  "protocol/messages/index.ts",
  "worker/core/index.ts",
  "data/readers/index.ts",
  "data/pairs/index.ts",
]);

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && ending.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => !/(^|\/)(node_modules|dist)\//.test(path));
}

const read = (path: string) => readFileSync(join(root, path), "utf8");
const isTest = (path: string) => /\.(test|contract)\.tsx?$/.test(path) || path.includes("/testing/");
const sources = filesBelow("src", /\.tsx?$/);

const IMPORT = /^\s*(?:import|export)\s[^;'"]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|import\("([^"]+)"\)/gm;

function importsOf(path: string): string[] {
  return [...read(path).matchAll(IMPORT)].map((match) => (match[1] ?? match[2] ?? match[3])!);
}

/** Those that are more than types, which nobody loads. */
function loadedBy(path: string): string[] {
  const matches = [...read(path).matchAll(IMPORT)];
  const loaded = matches.filter(([statement]) => !/^\s*(?:import|export)\s+type\s/.test(statement));
  return loaded.map((match) => (match[1] ?? match[2] ?? match[3])!);
}

/** `src/hub/hub.ts` imports `../engine/index.ts`: `engine/index.ts`. */
const targetOf = (path: string, specifier: string) =>
  posix.relative("src", posix.join(posix.dirname(path), specifier));

test("there is something to look at", () => {
  expect(sources.length).toBeGreaterThan(50);
  expect(importsOf("test/tidy.test.ts")).toContain("vitest");
});

test("every room is known", () => {
  const rooms = new Set(sources.map((path) => path.split("/")[1]));
  expect([...rooms].filter((room) => arrows[room!] === undefined)).toEqual([]);
});

test("rooms import along the arrows, and each other only by their faces", () => {
  const wrong: string[] = [];
  for (const path of sources) {
    const room = path.split("/")[1]!;
    for (const specifier of importsOf(path)) {
      if (!specifier.startsWith(".")) continue;
      const target = targetOf(path, specifier);
      const [other, ...inside] = target.split("/");
      if (other === room || isTest(path)) continue;
      if (!arrows[room]!.includes(other!)) wrong.push(`${path} may not import ${target}`);
      else if (!faces.has(inside.join("/")) && !extraFaces.has(target))
        wrong.push(`${path} reaches into ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

/** What is one whole: it names the types of its parts, and they name it. */
const wholes = new Set([
  "src/scheduler/state/state.ts",
  ...["world", "hub", "machine", "session"].map((name) => `src/simulator/${name}.ts`),
]);

test("no file imports itself through others, and be it for a type: narrow interfaces end such circles", () => {
  const trail: string[] = [];
  const seen = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string): void => {
    if (wholes.has(path)) return;
    const at = trail.indexOf(path);
    if (at >= 0) circles.push([...trail.slice(at), path].join(" -> "));
    if (seen.has(path)) return;
    seen.add(path);
    trail.push(path);
    for (const specifier of importsOf(path)) {
      if (specifier.startsWith(".")) visit(posix.join(posix.dirname(path), specifier));
    }
    trail.pop();
  };
  for (const path of sources.filter((path) => !isTest(path))) visit(path);
  expect(seen.size).toBeGreaterThan(50);
  expect(circles).toEqual([]);
});

/** Rooms whose parts know of each other by narrow interfaces, so that it is files that have no circles there. */
const meshes = new Set(["hub", "client"]);

test("the folders of a room are in layers: none imports itself through others, and be it for a type", () => {
  const uses = new Map<string, Set<string>>();
  for (const path of sources.filter((path) => !isTest(path))) {
    const [, room, ...inside] = path.split("/");
    if (meshes.has(room!) || inside.length < 2) continue;
    const folder = `${room}/${inside[0]}`;
    const used = uses.get(folder) ?? new Set();
    uses.set(folder, used);
    for (const specifier of importsOf(path).filter((specifier) => specifier.startsWith("."))) {
      const [other, ...target] = targetOf(path, specifier).split("/");
      if (other === room && target.length > 1) used.add(`${room}/${target[0]}`);
    }
    used.delete(folder);
  }
  expect(uses.size).toBeGreaterThan(20);
  const reaches = (from: string, seen = new Set<string>()): Set<string> => {
    for (const next of uses.get(from) ?? []) if (!seen.has(next)) reaches(next, seen.add(next));
    return seen;
  };
  expect([...uses.keys()].filter((folder) => reaches(folder).has(folder))).toEqual([]);
});

const pureRooms = ["src/protocol/", "src/scheduler/", "src/worker/core/"];

test("pure rooms know no clock, chance, disk or network", () => {
  const banned =
    /\bDate\.now\b|\bMath\.random\b|\bperformance\.now\b|\bsetTimeout\b|from "node:|\bprocess\.|\bfetch\(/;
  const wrong = sources.filter(
    (path) => pureRooms.some((room) => path.startsWith(room)) && !isTest(path) && banned.test(read(path)),
  );
  expect(wrong).toEqual([]);
});

test("what browsers load reaches nothing of Node's", () => {
  const reachable = new Set<string>();
  const visit = (path: string, trail: string[]): void => {
    if (reachable.has(path)) return;
    reachable.add(path);
    for (const specifier of loadedBy(path)) {
      expect(specifier.startsWith("node:"), `${[...trail, path].join(" -> ")} -> ${specifier}`).toBe(false);
      if (specifier.startsWith(".")) visit(posix.join(posix.dirname(path), specifier), [...trail, path]);
    }
  };
  for (const face of ["protocol", "security", "data", "link"]) visit(`src/${face}/index.ts`, []);
  visit("src/client/browser.ts", []);
  visit("src/worker/browser.ts", []);
  visit("src/worker/browser/agent-main.ts", []);
  visit("src/worker/executors/bootstrap/browser.ts", []);
  expect(reachable.size).toBeGreaterThan(10);
});

describe("text", () => {
  const texts = ["src", "test", "docs", "scripts", "examples", "benchmarks", ".ci"]
    .flatMap((folder) => filesBelow(folder, /\.(tsx?|mjs|md|json|html|css)$|^run$/))
    .concat(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "package.json"])
    .filter((path) => path !== "test/tidy.test.ts");

  test("nothing is left to do later, and no machine is named", () => {
    const banned = /\bTODO\b|\bFIXME\b|\/work\/|\/home\/\w+\/|registry\.npmjs|\.library\b/;
    expect(texts.filter((path) => banned.test(read(path)))).toEqual([]);
  });
});

describe("documents and code agree", () => {
  test("docs/limits.md has a line for every limit, and no other", () => {
    const limits = [...read("src/protocol/limits.ts").matchAll(/^ {2}readonly (\w+): number;/gm)].map(
      (m) => m[1]!,
    );
    const documented = [...read("docs/limits.md").matchAll(/^\| `(\w+)` \|/gm)].map((m) => m[1]!);
    expect(limits.length).toBeGreaterThan(20);
    expect(documented.toSorted()).toEqual(limits.toSorted());
  });

  test("what documents name of the code is there", () => {
    const documents = ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md", ...filesBelow("docs", /\.md$/)];
    const named = documents.flatMap((path) =>
      [...read(path).matchAll(/`((?:src|test|benchmarks|examples)\/[\w./-]+)`/g)].map((match) => match[1]!),
    );
    expect(named.length).toBeGreaterThan(20);
    const isThere = (path: string) =>
      ["", ".ts", ".test.ts"].some((ending) => existsSync(join(root, path + ending)));
    expect(named.filter((path) => !isThere(path))).toEqual([]);
  });

  test("every error code is thrown somewhere", () => {
    const codes = [...read("src/protocol/errors.ts").matchAll(/^ {2}([A-Z_]+): kind\(/gm)].map((m) => m[1]!);
    const others = sources
      .filter((path) => path !== "src/protocol/errors.ts" && !isTest(path))
      .map(read)
      .join("\n");
    expect(codes.filter((code) => !others.includes(`"${code}"`))).toEqual([]);
  });

  test("every error code is provoked by a test", () => {
    const codes = [...read("src/protocol/errors.ts").matchAll(/^ {2}([A-Z_]+): kind\(/gm)].map((m) => m[1]!);
    const tests = [...sources.filter(isTest), ...filesBelow("test", /\.ts$/)].map(read).join("\n");
    expect(codes.filter((code) => !tests.includes(code))).toEqual([]);
  });

  test("docs/errors.md has a line for every code, and no other", () => {
    const codes = [...read("src/protocol/errors.ts").matchAll(/^ {2}([A-Z_]+): kind\(/gm)].map((m) => m[1]!);
    const documented = [...read("docs/errors.md").matchAll(/^\| `([A-Z_]+)` \|/gm)].map((m) => m[1]!);
    expect(codes.length).toBeGreaterThan(20);
    expect(documented.toSorted()).toEqual(codes.toSorted());
  });
});

test("a tree is removed with patience: a process may still be writing in it", () => {
  const removal = /\brm(?:Sync)?\((?:[^()]|\([^()]*\))*?recursive: true[^}]*\}/g;
  const hasty = (path: string) =>
    [...read(path).matchAll(removal)].filter(([text]) => !text.includes("maxRetries"));
  const files = [...sources, ...filesBelow("test", /\.ts$/), ...filesBelow("examples", /\.ts$/)];
  expect(files.filter((path) => hasty(path).length > 0)).toEqual([]);
});
