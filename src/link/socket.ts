/** The part of a WebSocket that a link uses; `node.ts` and browsers each bring one. */
export interface Socket {
  send(frame: Uint8Array): void;
  /** Bytes that were sent but have not left the process. */
  readonly bufferedBytes: number;
  /** Pings are answered without `onAlive`, so that silence says nothing. */
  readonly hidesPings?: boolean;
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
  /**
   * Called once, whatever the cause; with the WebSocket's close code where there is one. Where it is known that
   * somebody else answers at the hub's address, `isStranger`.
   */
  onClose(reason: string, code?: number, isStranger?: boolean): void;
}

/**
 * Opens a socket; failures come as `onClose`.
 * @param tlsPin SHA-256 of the public key that the other side's TLS certificate must have, where the invite says so;
 * browsers cannot look at it
 */
export type OpenSocket = (url: string, events: SocketEvents, tlsPin?: Uint8Array) => Socket;

/** What every platform's own WebSocket has of that which is used here. */
interface PlatformSocket {
  binaryType: string;
  readonly bufferedAmount: number;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onerror: (() => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number): void;
}

const UNSUPPORTED_DATA = 1003;

/** Browsers, Deno, Node 22: the platform's own WebSocket. */
export const openPlatformSocket: OpenSocket = (url, events) => {
  const { WebSocket } = globalThis as unknown as { WebSocket: new (url: string) => PlatformSocket };
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  let closed = false;
  const closeOnce = (reason: string, code?: number) => {
    if (closed) return;
    closed = true;
    events.onClose(reason, code);
  };
  socket.onopen = () => events.onOpen();
  socket.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) events.onFrame(new Uint8Array(data));
    else socket.close(UNSUPPORTED_DATA);
  };
  socket.onerror = () => closeOnce("the connection failed");
  socket.onclose = ({ code, reason }) => closeOnce(reason || `closed (${code})`, code);
  return {
    send: (frame) => socket.send(frame),
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    hidesPings: true,
    close: () => socket.close(1000),
    terminate: () => {
      socket.close();
      closeOnce("given up");
    },
  };
};
