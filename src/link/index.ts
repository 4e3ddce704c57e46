/** One peer's end of the wire: socket, handshake, reconnect. `node.ts` brings Node's sockets. */
export { Link, type LinkHandlers } from "./link.ts";
export { Presence } from "./presence.ts";
export { type OpenSocket, openPlatformSocket, type Socket, type SocketEvents } from "./socket.ts";
