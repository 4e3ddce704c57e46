/** What systems count memory in, and writes past their caches consist of; a multiple of every disk's blocks. */
export const PAGE_BYTES = 4096;

const WASM_PAGE_BYTES = 65_536;

/** Typed only where there is a page of the web's kind. */
const { Memory } = (globalThis as unknown as { readonly WebAssembly: { readonly Memory: MemoryConstructor } })
  .WebAssembly;
type MemoryConstructor = new (pages: {
  readonly initial: number;
  readonly maximum: number;
  readonly shared: boolean;
}) => { readonly buffer: ArrayBufferLike };

const atPages = new WeakSet<ArrayBufferLike>();

/**
 * Zeros that begin where a page of memory begins, as far as there is such: then disks take them from where they are.
 * @param options.shared whether threads may be given it
 */
export function pageMemory(bytes: number, { shared = false } = {}): Uint8Array {
  try {
    // The only memory of JavaScript's that is sure to begin at a page.
    const count = Math.ceil(bytes / WASM_PAGE_BYTES);
    const { buffer } = new Memory({ initial: count, maximum: count, shared });
    atPages.add(buffer);
    return new Uint8Array(buffer, 0, bytes);
  } catch {
    return new Uint8Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  }
}

/** Whether bytes are whole pages of `pageMemory`. */
export const isWholePages = ({ buffer, byteOffset, byteLength }: Uint8Array): boolean =>
  atPages.has(buffer) && byteOffset % PAGE_BYTES === 0 && byteLength % PAGE_BYTES === 0;
