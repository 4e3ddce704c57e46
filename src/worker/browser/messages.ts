import type { Asks } from "../consent/asks.ts";
import type { FramePort } from "../executors/browser/frame-sandbox.ts";
import type { TabState } from "./state.ts";

/* What a page and the worker of its tab's agent say to each other. */

export interface StartMessage {
  readonly type: "start";
  readonly invite: string;
  readonly name: string | undefined;
  readonly slots: number;
  readonly accept: Asks;
}

/** Page to agent. */
export type ToAgent =
  | StartMessage
  /** Undefined: it may work. */
  | { readonly type: "pause"; readonly reason: string | undefined }
  | { readonly type: "slots"; readonly slots: number }
  | { readonly type: "grant"; readonly asks: Asks }
  | { readonly type: "leave" }
  /** A frame is gone by itself. */
  | { readonly type: "gone"; readonly frame: number; readonly why: string };

/** Agent to page. */
export type ToPage =
  /** Make a frame that may reach these hosts, with a worker of this address that gets the port. */
  | {
      readonly type: "open";
      readonly frame: number;
      readonly net: readonly string[];
      readonly worker: string;
      readonly port: FramePort;
    }
  | { readonly type: "close"; readonly frame: number }
  | { readonly type: "state"; readonly state: TabState };
