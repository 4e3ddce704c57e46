/** What the bootstrap needs of the runtime that it runs in. */
export interface Host {
  /** Calls back with what the agent sends until it closes its end. */
  read(onBytes: (bytes: Uint8Array) => void): Promise<void>;
  /** Writes all bytes before it returns, so that also a task that never yields reports. */
  write(bytes: Uint8Array): void;
  /** Imports code as a module; also says how its frames are called in stacks. */
  load(code: string): { readonly url: string; readonly module: Promise<Record<string, unknown>> };
  /** Calls back with errors that nobody caught, which would end the process. */
  onStray(listener: (error: unknown) => void): void;
  exit(): void;
}
