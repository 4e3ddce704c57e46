/* A cluster for as long as one example runs: a hub with workers on this machine, and nothing left behind. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Cluster, connect } from "musketeers";

const program = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface OwnCluster extends AsyncDisposable {
  readonly cluster: Cluster;
}

/** Starts a hub with so many workers of one slot each, and connects to it. */
export async function ownCluster(workers: number): Promise<OwnCluster> {
  const home = await mkdtemp(join(tmpdir(), "musketeers-example-"));
  const args = ["up", "--json", "--listen", "127.0.0.1:0", "--workers", String(workers), "--slots", "1"];
  const hub = spawn(process.execPath, [program, ...args, "--data", join(home, "data")], {
    env: { ...process.env, MUSKETEERS_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const kill = () => void hub.kill("SIGKILL");
  process.once("exit", kill);
  const close = async () => {
    if (hub.exitCode === null && hub.signalCode === null) {
      const exited = once(hub, "exit");
      hub.kill("SIGTERM");
      await exited;
    }
    process.off("exit", kill);
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    let cluster: Cluster | undefined;
    for await (const line of createInterface({ input: hub.stdout })) {
      const { submitInvite } = JSON.parse(line) as { submitInvite: string };
      cluster = await connect({ hub: submitInvite });
      break;
    }
    if (cluster === undefined) throw new Error("the hub ended without a word");
    const connected = cluster;
    return {
      cluster: connected,
      async [Symbol.asyncDispose]() {
        await connected.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
