import { join } from "node:path";
import { type MusketeersError, toMusketeersError } from "../../protocol/index.ts";
import { newSecretKey } from "../../security/index.ts";
import { loadOrCreateKey } from "../../security/node.ts";
import { configDirectory, type Environment } from "./profile.ts";

/** Where the key is that this user's machine proves at hubs besides its invites. */
export const machineKeyFile = (env: Environment = process.env): string =>
  join(configDirectory(env), "machine.key");

/**
 * The secret key of this machine, made where there is none: hubs tell the users of one invite from each other by
 * it.
 * @param onTrouble told why none can be kept; the one that it gives then is for this process only
 * @throws MusketeersError `STORAGE` where nobody is told
 */
export async function loadMachineKey(
  env?: Environment,
  onTrouble?: (error: MusketeersError) => void,
): Promise<Uint8Array> {
  try {
    return await loadOrCreateKey(machineKeyFile(env));
  } catch (error) {
    if (onTrouble === undefined) throw error;
    onTrouble(toMusketeersError(error));
    return newSecretKey();
  }
}
