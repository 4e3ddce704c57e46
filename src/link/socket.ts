/** The part of a WebSocket that a link uses; `node.ts` and browsers each bring one. */
export interface Socket {
  send(frame: Uint8Array): void;
  /** Bytes that were sent but have not left the process. */
  readonly bufferedBytes: number;
  /** Closes after what was sent has left. */
  close(): void;
  /** Closes at once. */
  terminate(): void;
}

export interface SocketEvents {
  onOpen(): void;
  onFrame(frame: Uint8Array): void;
  /** Anything that shows that the other side lives, also below the frames. */
  onAlive(): void;
  /** Called once, whatever the cause. */
  onClose(reason: string): void;
}

/** Opens a socket; failures come as `onClose`. */
export type OpenSocket = (url: string, events: SocketEvents) => Socket;

/** Browsers, Deno, Node 22: the platform's own WebSocket. */
export const openPlatformSocket: OpenSocket = (url, events) => {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  let closed = false;
  const closeOnce = (reason: string) => {
    if (closed) return;
    closed = true;
    events.onClose(reason);
  };
  socket.onopen = () => events.onOpen();
  socket.onmessage = (event: MessageEvent<unknown>) => {
    if (event.data instanceof ArrayBuffer) events.onFrame(new Uint8Array(event.data));
    else socket.close(1003);
  };
  socket.onerror = () => closeOnce("the connection failed");
  socket.onclose = (event: CloseEvent) => closeOnce(event.reason || `closed (${event.code})`);
  return {
    send: (frame) => socket.send(frame as Uint8Array<ArrayBuffer>),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    close: () => socket.close(1000),
    terminate: () => {
      socket.close();
      closeOnce("given up");
    },
  };
};
