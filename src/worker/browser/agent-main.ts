import { MusketeersError, toMusketeersError } from "../../protocol/index.ts";
import type { Frame, FramePort } from "../executors/browser/frame-sandbox.ts";
import type { StartMessage, ToAgent, ToPage } from "./messages.ts";
import { newTabState, type TabState } from "./state.ts";
import { TabAgent } from "./tab-agent.ts";

/* The program of a tab's agent, in a worker of the page. */

interface Scope {
  onmessage: ((event: { readonly data: ToAgent }) => void) | null;
  postMessage(message: ToPage, transfer?: readonly unknown[]): void;
  readonly location: { readonly origin: string; readonly search: string };
  readonly MessageChannel: new () => { readonly port1: FramePort; readonly port2: FramePort };
}

/** What runs in sandboxes; see the hub's `tab-routes.ts`. */
const BOOTSTRAP_PATH = "/tab/bootstrap.js";

const scope = globalThis as unknown as Scope;
const frames = new Map<number, Frame>();
let nextFrame = 1;
let agent: TabAgent | undefined;

/** The address of a worker that runs sandboxes: `data:`, so that it has no origin and keeps WebGPU. */
async function workerAddress(): Promise<string> {
  const { origin, search } = scope.location;
  const response = await fetch(origin + BOOTSTRAP_PATH + search);
  if (!response.ok) {
    throw new MusketeersError("SANDBOX_UNAVAILABLE", `The hub gives no sandbox (${response.status})`);
  }
  return `data:text/javascript;charset=utf-8,${encodeURIComponent(await response.text())}`;
}

function openFrame(worker: string, net: readonly string[]): Frame {
  const { port1, port2 } = new scope.MessageChannel();
  const id = nextFrame++;
  const frame: Frame = {
    port: port1,
    onGone: () => {},
    remove() {
      if (frames.delete(id)) scope.postMessage({ type: "close", frame: id });
    },
  };
  frames.set(id, frame);
  scope.postMessage({ type: "open", frame: id, net, worker, port: port2 }, [port2]);
  return frame;
}

async function begin(start: StartMessage): Promise<void> {
  const worker = await workerAddress();
  agent = new TabAgent({
    start,
    origin: scope.location.origin,
    openFrame: (net) => openFrame(worker, net),
    onState: (state) => scope.postMessage({ type: "state", state }),
  });
  for (const message of early.splice(0)) tell(agent, message);
  await agent.run();
}

function fail({ slots }: StartMessage, thrown: unknown): void {
  const { code, message } = toMusketeersError(thrown);
  const state: TabState = { ...newTabState(slots), phase: "refused", why: message, error: { code, message } };
  scope.postMessage({ type: "state", state });
}

/** What came before the agent was there. */
const early: ToAgent[] = [];

function tell(to: TabAgent, message: ToAgent): void {
  switch (message.type) {
    case "pause":
      to.pause(message.reason);
      return;
    case "slots":
      to.setSlots(message.slots);
      return;
    case "grant":
      to.grant(message.asks);
      return;
    case "leave":
      to.leave();
      return;
    case "gone":
      frames.get(message.frame)?.onGone(message.why);
      return;
    case "start":
  }
}

scope.onmessage = ({ data }) => {
  if (data.type === "start") begin(data).catch((error: unknown) => fail(data, error));
  else if (agent === undefined) early.push(data);
  else tell(agent, data);
};
