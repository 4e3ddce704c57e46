import { MusketeersError } from "../../protocol/index.ts";

/*
 * Functions that are written where they are used have no place in a module from which a cluster could load
 * them. They travel as their own text, so they may use nothing but their parameters, JavaScript's own names,
 * and what is handed over beside them.
 */

/** Text of a module, and what its default export is called. */
export interface ModuleText {
  readonly title: string;
  readonly code: string;
}

/** Reducers of the package have no text of their own; they go by their name. */
const FOLD = Symbol.for("musketeers.fold");
const DEPTH_MAX = 32;

/** What compilers write into functions. */
const HELPERS = "const __name = (fn) => fn;";

const bad = (message: string, hint: string, cause?: unknown): MusketeersError =>
  new MusketeersError("TASK_UNKNOWN", message, { hint, cause });

/** Writes values, functions among them, as text of a module. */
export class Hoist {
  readonly #given: ReadonlyMap<string, string>;
  readonly #known: readonly string[];
  readonly #imports = new Set<string>();

  private constructor(given: ReadonlyMap<string, string>, known: readonly string[]) {
    this.#given = given;
    this.#known = known;
  }

  /**
   * @param given by name: what the functions use besides their parameters, data or functions
   * @param known what they may use of this package, under its own name
   * @throws MusketeersError `TASK_UNKNOWN` for what is no data; names that a function uses and nobody gave
   */
  static async open(
    given: Readonly<Record<string, unknown>> = {},
    known: readonly string[] = [],
  ): Promise<Hoist> {
    const texts = new Map<string, string>();
    const hoist = new Hoist(texts, known);
    for (const name of Object.keys(given)) {
      if (!/^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(name))
        throw bad(`with: ${name} is no name`, "Use plain names.");
      texts.set(name, "");
    }
    for (const [name, value] of Object.entries(given))
      texts.set(name, await hoist.text(value, `with.${name}`));
    return hoist;
  }

  /** The module whose export `job` is this expression. */
  module(title: string, job: string, imports: readonly string[] = []): ModuleText {
    const names = [...new Set([...imports, ...this.#imports])].sort();
    const given = [...this.#given].map(([name, text]) => `const ${name} = ${text};`);
    const code = [
      names.length === 0 ? "" : `import { ${names.join(", ")} } from "musketeers";`,
      HELPERS,
      ...given,
      `export const job = ${job};`,
    ];
    return { title, code: code.join("\n") };
  }

  /** An expression that gives the value again. */
  async text(value: unknown, where: string, depth = 0): Promise<string> {
    if (typeof value === "function") return this.#function(value as () => unknown, where);
    if (depth > DEPTH_MAX) throw bad(`${where} is too deep or refers to itself`, "Hand over plain data.");
    const part = (item: unknown, at: string | number) => this.text(item, `${where}.${at}`, depth + 1);
    const parts = async (items: readonly unknown[]) => `[${(await Promise.all(items.map(part))).join(", ")}]`;
    if (typeof value !== "object" || value === null) return plainText(value, where);
    if (Array.isArray(value)) return parts(value);
    if (value instanceof Set) return `new Set(${await parts([...value])})`;
    if (value instanceof Map) return `new Map(${await parts([...value])})`;
    if (value instanceof Date) return `new Date(${value.getTime()})`;
    if (value instanceof RegExp)
      return `new RegExp(${JSON.stringify(value.source)}, ${JSON.stringify(value.flags)})`;
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      const { name } = value.constructor;
      return `new ${name === "Buffer" ? "Uint8Array" : name}(${await parts(Array.from(value as Uint8Array))})`;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== null && prototype !== Object.prototype) {
      throw bad(
        `${where} is no plain data`,
        "Hand over data and functions; make everything else within the function.",
      );
    }
    const entries = Object.entries(value).map(
      async ([name, item]) => `${JSON.stringify(name)}: ${await part(item, name)}`,
    );
    return `({ ${(await Promise.all(entries)).join(", ")} })`;
  }

  async #function(fn: () => unknown, where: string): Promise<string> {
    const fold = (fn as { readonly [FOLD]?: { readonly id: string } })[FOLD];
    if (fold !== undefined) {
      const [name, argument] = fold.id.split(":");
      this.#imports.add(name!);
      return argument === undefined ? name! : `${name}(${argument})`;
    }
    const source = Function.prototype.toString.call(fn);
    if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) {
      throw bad(
        `${where} has no source: it is bound, or not written in JavaScript`,
        "Write a function that calls it.",
      );
    }
    const { text, free } = await readFunction(source, where);
    const others = free.filter((name) => !this.#given.has(name));
    for (const name of others) if (this.#known.includes(name)) this.#imports.add(name);
    const missing = others.filter((name) => !this.#known.includes(name));
    if (missing.length === 0) return text;
    const names = missing.join(", ");
    throw bad(
      `${where} uses ${names}, which ${missing.length === 1 ? "is" : "are"} not there on a worker`,
      `Hand over what it needs, with: { ${names} }, or define the map-reduce or task at the top level of a module.`,
    );
  }
}

function plainText(value: unknown, where: string): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
      return `${value}n`;
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "symbol":
      throw bad(`${where} is a symbol`, "Hand over plain data.");
    default:
      return String(value);
  }
}

/** Names that are there wherever a task runs. */
const isGlobal = (name: string): boolean => name in globalThis || name === "undefined" || name === "__name";

/** A function's text as an expression, and the names that it uses without having made them. */
async function readFunction(source: string, where: string): Promise<{ text: string; free: string[] }> {
  const [{ parse }, { analyze }] = await Promise.all([import("acorn"), import("eslint-scope")]);
  let failure: unknown;
  // A method's text is one only inside an object.
  for (const text of [`(${source})`, `Object.values({ ${source} })[0]`]) {
    try {
      const program = parse(text, { ecmaVersion: "latest", sourceType: "module", ranges: true });
      const scopes = analyze(program as never, { ecmaVersion: 2022, sourceType: "module" });
      const through = scopes.globalScope?.through ?? [];
      const names = new Set(through.map(({ identifier }) => (identifier as { readonly name: string }).name));
      return { text, free: [...names].filter((name) => !isGlobal(name)).sort() };
    } catch (error) {
      failure ??= error;
    }
  }
  throw bad(
    `The text of ${where} cannot be read: ${(failure as Error).message}`,
    "Write it as a plain function.",
    failure,
  );
}
