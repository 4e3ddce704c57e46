import {
  decodeFailure,
  decodeValue,
  eachRecord,
  encodeValue,
  MusketeersError,
  packRecords,
  type TaskSpec,
} from "../../protocol/index.ts";
import type { Executor } from "../executors/port.ts";

/** What a sandbox of this browser is like. */
export interface Findings {
  /** It has an origin, and with it a part in what the page has. */
  readonly hasOrigin: boolean;
  /** It reaches hosts that nobody granted. */
  readonly reachesHub: boolean;
  readonly wasm: boolean;
  readonly webgpu: boolean;
}

/** Runs in the sandbox, like a task. */
const PROBE = `
const reaches = async (url, mode) => {
  try {
    await fetch(url, { mode, credentials: "omit", cache: "no-store" });
    return true;
  } catch {
    return false;
  }
};
const compiles = () => {
  try {
    return new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)) instanceof WebAssembly.Module;
  } catch {
    return false;
  }
};
const hasAdapter = async () => {
  try {
    return (await navigator.gpu.requestAdapter()) !== null;
  } catch {
    return false;
  }
};
export const find = async (hub) => ({
  hasOrigin: self.origin !== "null",
  reachesHub: await reaches(hub, "no-cors"),
  wasm: compiles(),
  webgpu: await hasAdapter(),
});
export const permits = async (urls) => {
  for (const url of urls) if (await reaches(url, "cors")) return true;
  return false;
};
`;

const TIMEOUT_MS = 15_000;

/** Runs one of the functions above in a sandbox of its own; rejects where that comes to nothing. */
function ask(executor: Executor, entry: string, net: readonly string[], input: unknown): Promise<unknown> {
  const task: TaskSpec = {
    bundle: "",
    entry: `export:${entry}`,
    title: "what this browser can do",
    net,
    timeoutMs: TIMEOUT_MS,
    memoryBytes: 0,
  };
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new MusketeersError("SANDBOX_UNAVAILABLE", why));
    const order = { task, code: new TextEncoder().encode(PROBE) };
    const sandbox = executor.start(order, {
      onResults: ({ block, failures }) => {
        const [record = new Uint8Array(0)] = eachRecord(block);
        if (failures.length === 0) resolve(decodeValue(record));
        else fail(decodeFailure(record).message);
        void sandbox.kill();
      },
      onLog: () => {},
      onSaved: () => {},
      onDeath: ({ message }) => fail(message),
    });
    sandbox.run(packRecords([encodeValue(input)]), 1);
  });
}

/**
 * Tries a sandbox before any task runs.
 * @param hub an address that no task may reach
 * @throws MusketeersError `SANDBOX_UNAVAILABLE` where there is none, or where it does not hold
 */
export async function probe(executor: Executor, hub: string): Promise<Findings> {
  const findings = (await ask(executor, "find", [], hub)) as Findings;
  if (findings.hasOrigin || findings.reachesHub) {
    const message = "This browser does not keep tasks apart from the page";
    throw new MusketeersError("SANDBOX_UNAVAILABLE", message, { hint: "Use a current Chromium or Firefox." });
  }
  return findings;
}

/**
 * Whether pages may read from a host, as its own answer says (CORS); only names without `*` can be asked.
 * @param schemes that the page may use
 */
export async function permitsPages(
  executor: Executor,
  host: string,
  schemes: readonly ("https" | "http")[],
): Promise<boolean> {
  if (host.includes("*")) return false;
  try {
    const urls = schemes.map((scheme) => `${scheme}://${host}/`);
    return (await ask(executor, "permits", [host], urls)) === true;
  } catch {
    return false;
  }
}
