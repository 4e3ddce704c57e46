/** The part of V8's CallSite that is used here. */
interface CallSite {
  getFileName(): string | null | undefined;
  getScriptNameOrSourceURL?(): string | null | undefined;
}

interface V8Error {
  captureStackTrace?(target: object, below: (...args: never[]) => unknown): void;
  prepareStackTrace?: unknown;
}

/**
 * The script that called `below`: the file that the engine runs, not what a source map says it was, as
 * a `file:` URL or a path. Undefined where the engine does not tell (only V8 does).
 */
export function callerScript(below: (...args: never[]) => unknown): string | undefined {
  const errors = Error as unknown as V8Error;
  if (errors.captureStackTrace === undefined) return undefined;
  const holder: { stack?: unknown } = {};
  const before = errors.prepareStackTrace;
  errors.prepareStackTrace = (_error: unknown, sites: readonly CallSite[]) => sites;
  try {
    errors.captureStackTrace(holder, below);
    const site = (holder.stack as readonly CallSite[] | undefined)?.[0];
    return site?.getFileName() ?? site?.getScriptNameOrSourceURL?.() ?? undefined;
  } finally {
    errors.prepareStackTrace = before;
  }
}
