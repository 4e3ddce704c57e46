import { seededRandom } from "../../src/simulator/index.ts";
import { Bystanders } from "./bystanders.ts";
import { type Decoder, decoders, faultOf } from "./decoders.ts";
import { FuzzedHub } from "./hub.ts";
import { mutant } from "./mutate.ts";
import { attack } from "./strangers.ts";

export interface FuzzReport {
  readonly frames: number;
  readonly crashes: number;
  readonly otherConnectionsDisturbed: number;
  /** What went wrong, for people. */
  readonly notes: readonly string[];
  /** What the hub's resident memory grew by. */
  readonly hubGrowthBytes: number;
  readonly longestGapMs: number;
}

export interface FuzzOptions {
  readonly frames: number;
  readonly seed: number;
  readonly onProgress?: (frames: number) => void;
}

/** Of all frames, the share that is sent to a hub; the others go to one decoder each. */
const LIVE_SHARE = 0.1;
const CONNECTIONS_AT_ONCE = 8;
const FRAMES_A_TURN = 500;
/** A decoder that takes longer over some bytes hangs a hub. */
const DECODE_MS_MAX = 2_000;
/** Nothing that strangers send in passing may stay. */
const HUB_GROWTH_BYTES_MAX = 300 * 1024 * 1024;

interface Faults {
  crashes: number;
  readonly notes: string[];
}

async function feed(decoder: Decoder, bytes: Uint8Array, faults: Faults): Promise<void> {
  const startedMs = performance.now();
  const fault = await faultOf(decoder, bytes);
  const tookMs = performance.now() - startedMs;
  const slow = tookMs > DECODE_MS_MAX ? `took ${Math.round(tookMs)} ms` : undefined;
  const wrong = fault ?? slow;
  if (wrong === undefined) return;
  faults.crashes++;
  const shown = Buffer.from(bytes.subarray(0, 256)).toString("hex");
  if (faults.notes.length < 20)
    faults.notes.push(`${decoder.name}: ${wrong}; ${bytes.length} bytes: ${shown}`);
}

async function fuzzDecoders(
  frames: number,
  seed: number,
  faults: Faults,
  tell: (count: number) => void,
): Promise<void> {
  const shares = decoders.reduce((sum, { share = 1 }) => sum + share, 0);
  let [given, due] = [0, 0];
  for (const [at, decoder] of decoders.entries()) {
    for (const sample of decoder.samples) await decoder.decode(sample);
    const random = seededRandom(seed, at);
    due += (frames * (decoder.share ?? 1)) / shares;
    let left = Math.round(due) - given;
    given += left;
    while (left > 0) {
      const turn = Math.min(left, FRAMES_A_TURN);
      for (let count = 0; count < turn; count++) await feed(decoder, mutant(decoder.samples, random), faults);
      left -= turn;
      tell(turn);
      // Lets the process hear signals.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Strangers at a real hub, while others work there; at least so many frames. */
async function fuzzHub(
  frames: number,
  seed: number,
  faults: Faults,
  tell: (count: number) => void,
): Promise<Pick<FuzzReport, "otherConnectionsDisturbed" | "hubGrowthBytes" | "longestGapMs">> {
  const hub = await FuzzedHub.start();
  try {
    const bystanders = await Bystanders.at(hub.invites);
    const before = await hub.memoryBytes();
    let sent = 0;
    let connections = 0;
    const visit = async () => {
      while (sent < frames && hub.crashes === 0) {
        const count = await attack(hub.invites, seededRandom(seed, 1_000_000 + connections++));
        sent += count;
        tell(count);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS_AT_ONCE }, visit));
    const hubGrowthBytes = (await hub.memoryBytes()) - before;
    if (hub.crashes > 0) faults.notes.push(`the hub ended: ${hub.told}`);
    else await bystanders.leave();
    if (hubGrowthBytes > HUB_GROWTH_BYTES_MAX) {
      faults.crashes++;
      faults.notes.push(`the hub grew by ${Math.round(hubGrowthBytes / 2 ** 20)} MiB`);
    }
    faults.crashes += hub.crashes;
    const { disturbed, longestGapMs } = bystanders;
    return { otherConnectionsDisturbed: disturbed, hubGrowthBytes, longestGapMs };
  } finally {
    await hub.stop();
  }
}

/** Feeds wrong bytes to every decoder and to a live hub; the same seed makes the same bytes. */
export async function fuzz({ frames, seed, onProgress }: FuzzOptions): Promise<FuzzReport> {
  const faults: Faults = { crashes: 0, notes: [] };
  let fed = 0;
  const tell = (count: number) => {
    fed += count;
    onProgress?.(Math.min(fed, frames));
  };
  const live = Math.ceil(frames * LIVE_SHARE);
  await fuzzDecoders(frames - live, seed, faults, tell);
  const others = await fuzzHub(live, seed, faults, tell);
  return { frames, ...others, ...faults };
}
