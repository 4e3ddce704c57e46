import type { Server } from "node:http";
import type { Socket } from "node:net";
import { MusketeersError } from "../../protocol/index.ts";
import { networkOf } from "./addresses.ts";
import { HeadCount } from "./head-count.ts";

/** Answers a socket that has not been read yet, and closes it. */
export type Refuse = (socket: Socket, error: MusketeersError) => void;

/** Bounds how many sockets a server holds for one address, whatever they are for; further ones are told so and closed. */
export function acceptPerAddress(server: Server, max: number, refuse: Refuse): void {
  const networks = new HeadCount();
  server.on("connection", (socket: Socket) => {
    const network = networkOf(socket.remoteAddress ?? "");
    const count = networks.add(network);
    socket.once("close", () => networks.remove(network));
    if (count <= max) return;
    socket.on("error", () => socket.destroy());
    const message = `There are ${max} connections from your address already (connectionsPerAddressMax)`;
    refuse(socket, new MusketeersError("TOO_MANY", message));
  });
}
