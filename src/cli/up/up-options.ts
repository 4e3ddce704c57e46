import { readFile } from "node:fs/promises";
import type { HubOptions } from "../../hub/index.ts";
import { type Limits, MusketeersError } from "../../protocol/index.ts";
import type { JsonOption } from "../context.ts";
import { defaultDataDirectory } from "../files/data-directory.ts";

export interface UpOptions extends JsonOption {
  readonly listen: string;
  readonly lan?: boolean;
  readonly advertise?: string;
  readonly tls?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly insecureHttp?: boolean;
  readonly data?: string;
  readonly memory?: boolean;
  readonly recover?: string;
  readonly durability: "default" | "strict";
  readonly keep?: number;
  readonly limit: Partial<Limits>;
  readonly name: string;
  readonly workers: number;
  readonly slots?: number;
  readonly allowNet: readonly string[];
  readonly trust?: boolean;
  readonly quiet?: boolean;
  readonly join: readonly string[];
  readonly share?: readonly number[];
  readonly writeInvite?: string;
  readonly inviteUrl?: string;
}

/** @throws MusketeersError `BAD_ARGUMENT` for options that contradict each other, or name no address */
export function checkUpOptions(options: UpOptions): void {
  if (options.advertise !== undefined && !URL.canParse(options.advertise)) {
    throw new MusketeersError("BAD_ARGUMENT", `--advertise ${options.advertise} is no address`, {
      hint: "Write what others open, such as http://192.168.0.5:7077.",
    });
  }
  if (options.inviteUrl !== undefined && !/^https?:/.test(options.inviteUrl)) {
    throw new MusketeersError("BAD_ARGUMENT", `--invite-url ${options.inviteUrl} is no address`, {
      hint: "Write how workers reach the hub, such as http://hub:7077.",
    });
  }
  if (options.join.length > 0 && options.workers === 0) {
    throw new MusketeersError(
      "BAD_ARGUMENT",
      "--join is for workers of this machine, and --workers 0 says none",
    );
  }
}

/** With --lan the same port on all addresses; the hub then names one that others reach. */
function listenAddress({ listen, lan }: UpOptions): string {
  return lan ? `0.0.0.0:${listen.slice(listen.lastIndexOf(":") + 1)}` : listen;
}

/**
 * How the hub is to be spoken with. What others of a network may read and change needs TLS, or to be asked for.
 * @throws MusketeersError `BAD_ARGUMENT`
 */
async function securityOf(options: UpOptions): Promise<Pick<HubOptions, "tls" | "insecureHttp">> {
  const { lan, tls, tlsCert, tlsKey, insecureHttp } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new MusketeersError("BAD_ARGUMENT", "--tls-cert and --tls-key belong together");
  }
  if (insecureHttp && (tls || tlsCert !== undefined)) {
    throw new MusketeersError("BAD_ARGUMENT", "--insecure-http is for a hub without TLS");
  }
  if (tlsCert !== undefined && tlsKey !== undefined) {
    const read = (file: string) =>
      readFile(file, "utf8").catch((cause: Error) => {
        throw new MusketeersError("BAD_ARGUMENT", `${file} cannot be read: ${cause.message}`, { cause });
      });
    return { tls: { cert: await read(tlsCert), key: await read(tlsKey) } };
  }
  if (insecureHttp) return { insecureHttp };
  return tls || lan ? { tls: "own" } : {};
}

/**
 * The hub that is asked for.
 * @throws MusketeersError `BAD_ARGUMENT`
 */
export async function hubOptionsOf(options: UpOptions, env: NodeJS.ProcessEnv): Promise<HubOptions> {
  const { memory, data = defaultDataDirectory(env), advertise, durability, keep, limit, name } = options;
  return {
    listen: listenAddress(options),
    ...(await securityOf(options)),
    ...(memory ? {} : { data }),
    ...(advertise === undefined ? {} : { advertise }),
    durability,
    limits: { ...(keep === undefined ? {} : { jobsKeptMs: keep }), ...limit },
    name,
  };
}
