import type { Host } from "./host.ts";
import { serve } from "./serve.ts";
import { type Listen, straysOf } from "./strays.ts";

/** The part of Deno that the bootstrap uses. */
interface DenoApi {
  readonly stdin: { read(into: Uint8Array): Promise<number | null> };
  readonly stdout: { writeSync(bytes: Uint8Array): number };
  exit(code: number): never;
}

const READ_BYTES = 512 * 1024;
const READ_BYTES_MIN = 64 * 1024;

function denoHost(): Host {
  const scope = globalThis as unknown as { Deno: DenoApi; addEventListener: Listen };
  const { stdin, stdout } = scope.Deno;
  const exit = scope.Deno.exit.bind(scope.Deno);
  const importModule = (url: string): Promise<Record<string, unknown>> => import(url);
  const listen = scope.addEventListener.bind(scope);
  const write = stdout.writeSync.bind(stdout);
  const read = stdin.read.bind(stdin);
  return {
    async read(onBytes) {
      // Pipes give less than is asked for; what is left of a buffer takes what comes next.
      let room = new Uint8Array(0);
      for (;;) {
        if (room.length < READ_BYTES_MIN) room = new Uint8Array(READ_BYTES);
        const length = await read(room);
        if (length === null) return;
        onBytes(room.subarray(0, length));
        room = room.subarray(length);
      }
    },
    write(bytes) {
      for (let offset = 0; offset < bytes.length; ) offset += write(bytes.subarray(offset));
    },
    load(code) {
      // Never the main module, and never a file: static imports of local files pass --deny-read.
      const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
      return { url, module: importModule(url) };
    },
    onStray: straysOf(listen),
    exit: () => exit(0),
  };
}

serve(denoHost());
