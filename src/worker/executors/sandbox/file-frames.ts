import { type FileRef, MusketeersError } from "../../../protocol/index.ts";
import { frameKinds, newFrame } from "./frames.ts";

/*
 * How a sandbox reads and writes files: over its pipe, each file under a number of the sandbox's own
 * choice, each with a window in bytes, so that neither side holds more of it than that.
 *
 * Reading: `fileOpen`, then `fileBytes` from the agent as far as the credit reaches, which `fileCredit`
 * extends, to `fileEnd`. Writing: `fileCreate`, `fileCredit` from the agent, `fileBytes`, `fileFinish`, and
 * `fileEnd` with what the file is. `fileClose` gives either up.
 */

const HEAD_BYTES = 5;
const ID_BYTES = 4;
const text = new TextEncoder();
const untext = new TextDecoder();

function frameOf(kind: number, id: number, payload: Uint8Array): Uint8Array {
  const frame = newFrame(kind, ID_BYTES + payload.length);
  new DataView(frame.buffer).setUint32(HEAD_BYTES, id, true);
  frame.set(payload, HEAD_BYTES + ID_BYTES);
  return frame;
}

const nothing = new Uint8Array(0);
const jsonFrame = (kind: number, id: number, value: object) =>
  frameOf(kind, id, text.encode(JSON.stringify(value)));

const viewOf = (payload: Uint8Array) => new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
const wrong = (what: string) => new MusketeersError("PROTOCOL", `Sandbox files: ${what}`);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function jsonOf(payload: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(untext.decode(payload.subarray(ID_BYTES)));
  } catch {
    value = undefined;
  }
  if (typeof value !== "object" || value === null) throw wrong("no JSON");
  return value as Record<string, unknown>;
}

/** Which file a frame is about. @throws RangeError where the payload is too short. */
export const fileIdOf = (payload: Uint8Array): number => viewOf(payload).getUint32(0, true);

export interface FileOpen {
  readonly id: number;
  readonly ref: FileRef;
  readonly start: number;
  readonly end: number;
  readonly credit: number;
}

export const encodeFileOpen = (
  id: number,
  { cid, bytes }: FileRef,
  start: number,
  end: number,
  credit: number,
) => jsonFrame(frameKinds.fileOpen, id, { cid, bytes, start, end, credit });

/** @throws MusketeersError `PROTOCOL`, or a `RangeError` where the payload is too short. */
export function decodeFileOpen(payload: Uint8Array): FileOpen {
  const { cid, bytes, start, end, credit } = jsonOf(payload);
  if (typeof cid !== "string" || !isCount(bytes) || !isCount(start) || !isCount(end) || !isCount(credit)) {
    throw wrong("an opening without its fields");
  }
  return { id: fileIdOf(payload), ref: { cid, bytes }, start, end, credit };
}

/** The bytes go out as they are, behind a head. */
export const encodeFileBytes = (id: number, bytes: Uint8Array) => frameOf(frameKinds.fileBytes, id, bytes);

/** The head of a `fileBytes` frame alone; the bytes go behind it, so that nothing is copied. */
export function encodeFileBytesHead(id: number, length: number): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES + ID_BYTES);
  const view = new DataView(head.buffer);
  view.setUint32(0, 1 + ID_BYTES + length, true);
  head[4] = frameKinds.fileBytes;
  view.setUint32(HEAD_BYTES, id, true);
  return head;
}

export const decodeFileBytes = (payload: Uint8Array) => ({
  id: fileIdOf(payload),
  bytes: payload.subarray(ID_BYTES),
});

export function encodeFileCredit(id: number, bytes: number): Uint8Array {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, bytes, true);
  return frameOf(frameKinds.fileCredit, id, payload);
}

export const decodeFileCredit = (payload: Uint8Array) => ({
  id: fileIdOf(payload),
  bytes: viewOf(payload).getUint32(ID_BYTES, true),
});

export const encodeFileCreate = (id: number, name: string | undefined) =>
  jsonFrame(frameKinds.fileCreate, id, name === undefined ? {} : { name });

const NAME_CHARS_MAX = 4096;

/** @throws MusketeersError `PROTOCOL`, or a `RangeError` where the payload is too short. */
export function decodeFileCreate(payload: Uint8Array): { readonly id: number; readonly name?: string } {
  const { name } = jsonOf(payload);
  if (name !== undefined && (typeof name !== "string" || name.length > NAME_CHARS_MAX))
    throw wrong("a bad name");
  return { id: fileIdOf(payload), ...(name === undefined ? {} : { name }) };
}

export const encodeFileFinish = (id: number) => frameOf(frameKinds.fileFinish, id, nothing);
export const encodeFileClose = (id: number) => frameOf(frameKinds.fileClose, id, nothing);

export interface FileEnd {
  readonly id: number;
  /** What was written. */
  readonly ref?: FileRef;
  readonly error?: MusketeersError;
}

export const encodeFileEnd = (id: number, { ref, error }: Omit<FileEnd, "id">) =>
  jsonFrame(frameKinds.fileEnd, id, { ref, error: error?.toJSON() });

/** For the sandbox, which believes its agent. */
export function decodeFileEnd(payload: Uint8Array): FileEnd {
  const { ref, error } = jsonOf(payload) as { ref?: FileRef; error?: { code: string } };
  return {
    id: fileIdOf(payload),
    ...(ref === undefined ? {} : { ref }),
    ...(error === undefined ? {} : { error: MusketeersError.from(error) }),
  };
}
