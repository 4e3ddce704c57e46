import { defaultLimits as limits } from "../default-limits.ts";
import { Fields } from "./fields.ts";

/*
 * How workers of one network find each other: they say where they are and what they hold, ask who has
 * what they are about to fetch, and are told whom to ask, with a token for each blob.
 */

/** Where a worker is reached by those of one network. */
export interface Place {
  /** What those of the same network call it as well, such as `192.168.0.0/24`. */
  readonly network: string;
  /** IP address of the worker in that network. */
  readonly address: string;
}

/** Worker, after each welcome: where it is, and whether it serves blobs there. */
export interface WhereaboutsMessage {
  readonly type: "whereabouts";
  readonly places: readonly Place[];
  /** Port on which it serves blobs; 0: it serves nobody. */
  readonly port: number;
  /** What the hub is to make tokens with; empty where it serves nobody. */
  readonly key: Uint8Array;
  /** By a clock of its own that only rises; tokens end by this clock. */
  readonly nowMs: number;
}

/** Worker: blobs that it keeps from now on, and that it does not keep any more. */
export interface HoldsMessage {
  readonly type: "holds";
  readonly add: readonly string[];
  readonly drop: readonly string[];
}

/** What was wrong with a neighbour: other bytes than asked for, or no answer. */
export type NeighbourFault = "wrong" | "unreachable";
export const neighbourFaults: readonly NeighbourFault[] = Object.freeze(["wrong", "unreachable"] as const);

/** Worker: is about to fetch these blobs; who has them? */
export interface LocateMessage {
  readonly type: "locate";
  /** Comes back with the answer. */
  readonly call: number;
  readonly cids: readonly string[];
  /** Neighbours that failed since it said something last, by what the hub called them. */
  readonly faults: readonly { readonly worker: string; readonly fault: NeighbourFault }[];
}

/** A neighbour that has a blob, or is about to. */
export interface BlobSourceHint {
  readonly worker: string;
  readonly address: string;
  readonly port: number;
  /** Good for this blob, for who asked, for `neighbourTokenMs`. */
  readonly token: string;
}

/** Hub: whom to ask for the blobs of a `locate`, in their order, the best first; none: the hub. */
export interface LocatedMessage {
  readonly type: "located";
  readonly call: number;
  readonly sources: readonly (readonly BlobSourceHint[])[];
}

/** Hub: whether there is anybody near for whom `locate` is worth its while. */
export interface NearMessage {
  readonly type: "near";
  readonly anyone: boolean;
}

/** Hub: nobody needs these blobs any more; what a cache has of them may go. */
export interface ForgetMessage {
  readonly type: "forget";
  readonly cids: readonly string[];
}

export type NeighbourToHub = WhereaboutsMessage | HoldsMessage | LocateMessage;
export type HubToNeighbour = LocatedMessage | NearMessage | ForgetMessage;

const PLACES_MAX = 64;
const NETWORK_LENGTH_MAX = 128;
const ADDRESS_LENGTH_MAX = 64;
const KEY_BYTES_MAX = 64;
const FAULTS_MAX = 1_000;
const SOURCES_MAX = 16;
const TOKEN_LENGTH_MAX = 128;
const CID_LENGTH_MAX = 128;
const WORKER_LENGTH_MAX = 64;
const PORT_MAX = 65_535;

const parsePlace = (item: unknown): Place => {
  const place = new Fields("whereabouts.places", item);
  return {
    network: place.string("network", NETWORK_LENGTH_MAX),
    address: place.string("address", ADDRESS_LENGTH_MAX),
  };
};

const parseFault = (item: unknown): LocateMessage["faults"][number] => {
  const fault = new Fields("locate.faults", item);
  return {
    worker: fault.string("worker", WORKER_LENGTH_MAX),
    fault: fault.oneOf("fault", neighbourFaults),
  };
};

const parseHint = (item: unknown): BlobSourceHint => {
  const hint = new Fields("located.sources", item);
  return {
    worker: hint.string("worker", WORKER_LENGTH_MAX),
    address: hint.string("address", ADDRESS_LENGTH_MAX),
    port: hint.integer("port", PORT_MAX, 1),
    token: hint.string("token", TOKEN_LENGTH_MAX),
  };
};

/** Parses what a worker says of blobs and neighbours; undefined where the type is none of these. */
export function parseNeighbourToHub(type: string, fields: Fields): NeighbourToHub | undefined {
  const cids = (name: string) => fields.strings(name, limits.locateBlobsMax, CID_LENGTH_MAX);
  switch (type) {
    case "whereabouts":
      return {
        type,
        places: fields.list("places", PLACES_MAX).map(parsePlace),
        port: fields.integer("port", PORT_MAX),
        key: fields.bytes("key", KEY_BYTES_MAX),
        nowMs: fields.number("nowMs"),
      };
    case "holds":
      return { type, add: cids("add"), drop: cids("drop") };
    case "locate":
      return {
        type,
        call: fields.integer("call"),
        cids: cids("cids"),
        faults: fields.list("faults", FAULTS_MAX).map(parseFault),
      };
    default:
      return undefined;
  }
}

/** Parses what a hub says of neighbours; undefined where the type is none of these. */
export function parseHubToNeighbour(type: string, fields: Fields): HubToNeighbour | undefined {
  switch (type) {
    case "located":
      return {
        type,
        call: fields.integer("call"),
        sources: fields.list("sources", limits.locateBlobsMax).map((list) => {
          if (!Array.isArray(list) || list.length > SOURCES_MAX) throw fields.wrong("sources holds no lists");
          return list.map(parseHint);
        }),
      };
    case "near":
      return { type, anyone: fields.boolean("anyone") };
    case "forget":
      return { type, cids: fields.strings("cids", limits.locateBlobsMax, CID_LENGTH_MAX) };
    default:
      return undefined;
  }
}
