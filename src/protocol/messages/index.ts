import { MusketeersError } from "../errors.ts";
import { type ClientToHub, type HubToClient, parseClientToHub, parseHubToClient } from "./client.ts";
import { Fields } from "./fields.ts";
import {
  type Challenge,
  type Goodbye,
  type Hello,
  parseChallenge,
  parseGoodbye,
  parseHello,
  parseWelcome,
  type Welcome,
} from "./handshake.ts";
import { type HubToWorker, parseHubToWorker, parseWorkerToHub, type WorkerToHub } from "./worker.ts";

export * from "./client.ts";
export * from "./handshake.ts";
export * from "./neighbours.ts";
export * from "./recovery.ts";
export * from "./task.ts";
export * from "./worker.ts";

/** Everything that a hub says. */
export type HubMessage = Challenge | Welcome | Goodbye | HubToWorker | HubToClient;
/** Everything that a peer says to a hub after its hello. */
export type SessionMessage = Goodbye | WorkerToHub | ClientToHub;
/** Everything that a peer says to a hub. */
export type PeerMessage = Hello | SessionMessage;

function typeOf(header: unknown): { type: string; fields: Fields } {
  const fields = new Fields("header", header);
  const type = fields.string("type", 32);
  return { type, fields: new Fields(type, header) };
}

const unknownType = (type: string): MusketeersError =>
  new MusketeersError("PROTOCOL", `Unknown message ${JSON.stringify(type)}`);

/**
 * Validates a header that a hub received.
 * @throws MusketeersError `PROTOCOL`
 */
export function parsePeerMessage(header: unknown): PeerMessage {
  const { type, fields } = typeOf(header);
  if (type === "hello") return parseHello(fields);
  if (type === "goodbye") return parseGoodbye(fields);
  const message = parseWorkerToHub(type, fields) ?? parseClientToHub(type, fields);
  if (message === undefined) throw unknownType(type);
  return message;
}

/**
 * Validates a header that a hub sent.
 * @throws MusketeersError `PROTOCOL`
 */
export function parseHubMessage(header: unknown): HubMessage {
  const { type, fields } = typeOf(header);
  if (type === "challenge") return parseChallenge(fields);
  if (type === "welcome") return parseWelcome(fields);
  if (type === "goodbye") return parseGoodbye(fields);
  const message = parseHubToWorker(type, fields) ?? parseHubToClient(type, fields);
  if (message === undefined) throw unknownType(type);
  return message;
}
export { Fields } from "./fields.ts";
