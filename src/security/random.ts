/** Gives so many bytes that nobody can foretell. */
export type RandomBytes = (length: number) => Uint8Array;

/** The platform's own source. */
export const randomBytes: RandomBytes = (length) => globalThis.crypto.getRandomValues(new Uint8Array(length));
