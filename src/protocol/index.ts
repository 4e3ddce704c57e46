/** What crosses a wire: messages, codecs, error codes, limits. No I/O. */
export * from "./calls.ts";
export * from "./crc32.ts";
export * from "./errors.ts";
export * from "./failure.ts";
export * from "./file-ref.ts";
export * from "./frame.ts";
export * from "./frame-stream.ts";
export * from "./limits.ts";
export * from "./messages/index.ts";
export * from "./net.ts";
export * from "./outputs-row.ts";
export * from "./ranges.ts";
export * from "./records.ts";
export * from "./resumed.ts";
export * from "./unsendable.ts";
export * from "./value.ts";
export * from "./version.ts";
