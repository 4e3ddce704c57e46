import { type BlobHandle, task } from "../../src/client/index.ts";

/* Tasks that tabs and native workers run alike. */

interface WasmApi {
  instantiate(code: Uint8Array): Promise<{
    readonly instance: { readonly exports: Record<string, (...args: number[]) => number> };
  }>;
}

const wasm = (globalThis as unknown as { WebAssembly: WasmApi }).WebAssembly;

/** Whole numbers only: the same on every machine. */
export const mix = task((n: number) => {
  let state = n | 0;
  for (let step = 0; step < 200; step++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
  return { n, state, text: `Größe ${state.toString(16)} 💡`, bytes: Uint8Array.of(state & 255, n & 255) };
});

/** Who ran an input: an engine's name for itself. */
export const engine = task(async (ms: number) => {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return "Deno" in globalThis ? "deno" : typeof process === "object" ? "node" : "browser";
});

export const sines = task(
  (n: number) => Array.from({ length: 200 }, (_, at) => Math.sin(n * 1e3 + at * 1.7)),
  {
    quorum: { agree: 2, of: 3 },
  },
);

export const visit = task(async (url: string) => (await fetch(url)).text(), { timeout: "20s" });

export const addInWasm = task(
  async ([a, b]: [number, number]) => {
    // (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
    const code = Uint8Array.of(
      ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0],
      ...[7, 7, 1, 3, 97, 100, 100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11],
    );
    const { instance } = await wasm.instantiate(code);
    return instance.exports.add!(a, b);
  },
  { needs: { wasm: true } },
);

/** Never yields, and never ends. */
export const spin = task(
  (n: number) => {
    if (n === 3) for (;;);
    return n;
  },
  { timeout: "1s", retries: 0 },
);

export const failing = task(
  (n: number) => {
    if (n === 2) throw new RangeError(`no ${n} here`);
    return n;
  },
  { retries: 0 },
);

export const readLines = task(async (file: BlobHandle) => {
  const lines: string[] = [];
  for await (const line of file.lines()) lines.push(line);
  return lines;
});
