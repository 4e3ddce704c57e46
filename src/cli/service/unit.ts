/*
 * The systemd unit of a worker or a hub that a user runs as a service. See systemd.exec(5), systemd.service(5) and
 * systemd.resource-control(5) for what each line means.
 */

export type ServiceKind = "worker" | "hub";

export interface UnitOptions {
  readonly kind: ServiceKind;
  /** What people read of it. */
  readonly description: string;
  /** The command line: the first is the program's absolute path. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Folders that it may write to; they are there. */
  readonly writable: readonly string[];
}

/** A word of a command line as systemd reads it: `%` and `$` stand for themselves, too. */
export function quoteWord(word: string): string {
  const escaped = word
    .replaceAll("\\", "\\\\")
    .replaceAll('"', '\\"')
    .replaceAll("\n", "\\n")
    .replaceAll("%", "%%")
    .replaceAll("$", "$$$$");
  return /^[\w@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped}"`;
}

/** An assignment of the environment, where `$` is nothing special. */
const quoteVariable = (name: string, value: string): string =>
  quoteWord(`${name}=${value}`).replaceAll("$$", "$");

/** A path in a list of paths; `%` stands for itself. */
const quotePath = (path: string): string => `"${path.replaceAll("%", "%%").replaceAll('"', '\\"')}"`;

/**
 * What keeps the rest of the machine from the program, as far as a user's own service may. Not here is what would keep
 * the program from making sandboxes of its own: namespaces for bubblewrap, which also needs a /proc that nothing
 * hides a part of, and memory that may be written and executed for JavaScript.
 */
const hardening = [
  "NoNewPrivileges=yes",
  "PrivateUsers=yes",
  "ProtectSystem=strict",
  "ProtectHome=read-only",
  "PrivateTmp=yes",
  "RestrictSUIDSGID=yes",
  "RestrictRealtime=yes",
  "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
  "LockPersonality=yes",
  "SystemCallArchitectures=native",
  "UMask=0077",
];

/** A volunteer's machine is there for its owner first, and for the tasks where nobody else wants it. */
const atLowestPriority = [
  "Nice=19",
  "CPUSchedulingPolicy=idle",
  "IOSchedulingClass=idle",
  "CPUWeight=1",
  "IOWeight=1",
  // Before other programs; its sandboxes go before itself, and one that is ended so is not the end of the service.
  "OOMScoreAdjust=400",
  "OOMPolicy=continue",
];

/** The text of the unit. */
export function renderUnit({ kind, description, command, environment, writable }: UnitOptions): string {
  return [
    "[Unit]",
    `Description=${description.replaceAll("%", "%%").replaceAll(/\s+/g, " ")}`,
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    "Type=exec",
    `ExecStart=${command.map(quoteWord).join(" ")}`,
    ...Object.entries(environment).map(([name, value]) => `Environment=${quoteVariable(name, value)}`),
    "# It leaves in good order when it is told to; only what is left after that is killed.",
    "KillMode=mixed",
    "TimeoutStopSec=45s",
    "SuccessExitStatus=143",
    "Restart=always",
    "RestartSec=15s",
    "",
    ...(kind === "worker" ? ["# Behind everything else on this machine.", ...atLowestPriority, ""] : []),
    "# It may write to nothing but its own folders.",
    ...hardening,
    `ReadWritePaths=${writable.map(quotePath).join(" ")}`,
    "",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n");
}
