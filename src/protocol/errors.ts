/** One family of errors for the SDK, the CLI, HTTP and the wire. `docs/errors.md` lists every code. */

export interface ErrorKind {
  /** What to do about it, where the thrower says nothing better. */
  readonly hint: string;
  /** Whether the same call may succeed later without a change. */
  readonly retryable: boolean;
  /** Exit status of the command line. */
  readonly exit: number;
  /** HTTP status. */
  readonly http: number;
}

const kind = (hint: string, exit: number, http: number, retryable = false): ErrorKind =>
  Object.freeze({ hint, retryable, exit, http });

/** Exit statuses: 1 failed inputs, 2 wrong use, 3 not found, 4 not allowed, 5 no hub, 6 limits, 7 stopped job, 70 a bug. */
export const errorKinds = Object.freeze({
  BAD_ARGUMENT: kind("See --help for what is accepted.", 2, 400),
  NOT_FOUND: kind("List what there is with `musketeers jobs` or `musketeers workers`.", 3, 404),
  UNAUTHORIZED: kind("Ask the operator of the hub for an invite: `musketeers invite`.", 4, 401),
  FORBIDDEN: kind("This invite's role does not allow it; ask for another role.", 4, 403),
  INVITE_MALFORMED: kind("Copy the whole invite, from http to its last character, in quotes.", 4, 400),
  INVITE_EXPIRED: kind("Ask for a new invite.", 4, 401),
  INVITE_USED_UP: kind("It was for a certain number of machines; ask for an invite of your own.", 4, 403),
  HUB_UNREACHABLE: kind(
    "Is the hub running, and is its address right? `musketeers up` starts one.",
    5,
    503,
    true,
  ),
  HUB_IDENTITY: kind("The hub's key is not the one in the invite; do not trust this address.", 4, 495),
  NO_HUB: kind(
    "Start one with `musketeers up`, or name one with --hub, MUSKETEERS_HUB or `musketeers login`.",
    5,
    503,
  ),
  VERSION_MISMATCH: kind("Use the hub's own version: npx --yes http://HUB/musketeers.tgz …", 2, 426),
  PROTOCOL: kind("The other side broke the protocol; are both of the same version?", 70, 400),
  LIMIT_EXCEEDED: kind("See docs/limits.md.", 6, 413),
  TOO_MANY: kind("Try again later, or raise the limit.", 6, 429, true),
  HUB_STOPPING: kind("The hub is going down; it will take up the work when it is back.", 5, 503, true),
  ADDRESS_IN_USE: kind(
    "If it is a hub of yours, `musketeers status` says how it is; for one more choose another port with --listen, 0 for any.",
    2,
    409,
  ),
  DATA_IN_USE: kind("Another hub uses this data directory; stop it or choose another with --data.", 2, 409),
  JOURNAL_CORRUPT: kind(
    "See what is damaged with `musketeers journal check DIR`; restore a backup, or cut it off with `musketeers journal repair DIR`.",
    70,
    500,
  ),
  STORAGE: kind("Is the disk full or read-only, or may this user not write there?", 6, 507, true),
  BLOB_MISMATCH: kind("The bytes are not those that the CID names; fetch them again.", 70, 422, true),
  INVALID_DATA: kind(
    "The content is not what its reader expects; mend the file or read it otherwise.",
    1,
    422,
  ),
  FILE_CHANGED: kind("Try again, stop what writes to it, or put a copy of it.", 1, 409, true),
  DATASET_EXISTS: kind(
    "Choose another name, or replace it: --replace, { replace: true } in the SDK.",
    2,
    409,
  ),
  PROJECT_EXISTS: kind("Choose another name; `musketeers project list` shows what there is.", 2, 409),
  CAR_MALFORMED: kind("Export it again, or copy it again from where it is whole.", 2, 422),
  TASK_EXPORT_MISSING: kind("Export a task: export const name = task(…).", 2, 400),
  TASK_UNKNOWN: kind("Define tasks at the top level of a module, before anything connects.", 2, 400),
  BUNDLE_FAILED: kind("Fix what the bundler says; the code must build on its own.", 2, 400),
  UNSERIALIZABLE: kind("Pass data, not functions, promises or handles.", 2, 400),
  JOB_CANCELLED: kind("It was cancelled; submit it again if you want it.", 7, 410),
  JOB_BROKEN: kind("Nearly every input failed; see the first errors and mend the task.", 7, 422),
  JOB_EXISTS: kind("This job id is taken by another submission.", 2, 409),
  JOB_FAILED_INPUTS: kind("Some inputs failed; each failed result carries its error.", 1, 422),
  INPUT_TIMEOUT: kind("Raise the task's `timeout`, or make the input smaller.", 1, 422),
  INPUT_QUARANTINED: kind(
    "This input killed its sandbox again and again; look for memory or an endless loop.",
    1,
    422,
  ),
  INPUT_DISPUTED: kind(
    "Does the task give equal answers for equal inputs? Else mend it, or ask for more people with `quorum`.",
    1,
    422,
  ),
  INPUT_UNSERIALIZABLE: kind("Pass and return data, not functions, promises or handles.", 1, 422),
  SANDBOX_UNAVAILABLE: kind(
    "Install the optional package `deno`, or use --trust on your own machines.",
    2,
    501,
  ),
  SANDBOX_CRASHED: kind("The task's process died; look for memory or an endless loop.", 1, 422, true),
  GRANT_REFUSED: kind(
    "The volunteer did not allow it: join with --allow-net HOST or --allow-containers IMAGE.",
    1,
    422,
  ),
  CONSENT_NEEDED: kind(
    "Join on a terminal to be asked, or say --accept; for what came later, see `musketeers worker grant`.",
    4,
    403,
  ),
  UNTRUSTED_CODE: kind(
    "It is not what somebody signed whom the project's owner certified; has the hub been tampered with? Ask the owner.",
    4,
    403,
  ),
  IMAGE_UNAVAILABLE: kind(
    "Is it in a registry that workers reach, for their platform? Else load it there: docker load.",
    1,
    422,
  ),
  SERVICE_MANAGER: kind(
    "Does systemd run for your user? After `loginctl enable-linger` and a new login `systemctl --user status` answers.",
    2,
    501,
  ),
  INTERNAL: kind("This is a bug; please report it with the log.", 70, 500),
} satisfies Record<string, ErrorKind>);

export type ErrorCode = keyof typeof errorKinds;

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === "string" && Object.hasOwn(errorKinds, value);

export interface MusketeersErrorOptions {
  readonly hint?: string;
  readonly cause?: unknown;
}

/** What travels of an error: in frames, in HTTP bodies, in `--json`. */
export interface ErrorData {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
  readonly retryable: boolean;
}

/** The only error that the public interfaces throw on purpose. */
export class MusketeersError extends Error {
  override readonly name = "MusketeersError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: MusketeersErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? errorKinds[code].hint;
    this.retryable = errorKinds[code].retryable;
  }

  toJSON(): ErrorData {
    return { code: this.code, message: this.message, hint: this.hint, retryable: this.retryable };
  }

  /** Rebuilds an error that came over a wire; an unknown code becomes `INTERNAL`. */
  static from(data: { code?: unknown; message?: unknown; hint?: unknown }): MusketeersError {
    const code = isErrorCode(data.code) ? data.code : "INTERNAL";
    const message = typeof data.message === "string" ? data.message : "unknown error";
    return new MusketeersError(code, message, typeof data.hint === "string" ? { hint: data.hint } : {});
  }
}

/** Any thrown thing as one of ours: ours as it is, others as `INTERNAL` with their cause. */
export function toMusketeersError(thrown: unknown): MusketeersError {
  if (thrown instanceof MusketeersError) return thrown;
  return new MusketeersError("INTERNAL", thrown instanceof Error ? thrown.message : String(thrown), {
    cause: thrown,
  });
}
