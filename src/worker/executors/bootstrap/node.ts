import { writeFileSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import type { Host } from "./host.ts";
import { serve } from "./serve.ts";

/** Where frames come in and go out; the usual three are left to the task. */
const FD_IN = 3;
const FD_OUT = 4;

function nodeHost(): Host {
  return {
    read(onBytes) {
      const input = new Socket({ fd: FD_IN, readable: true, writable: false });
      input.on("data", onBytes);
      return new Promise((resolve) => {
        input.once("close", () => resolve());
        input.once("error", () => resolve());
      });
    },
    write(bytes) {
      for (let offset = 0; offset < bytes.length; ) offset += writeSync(FD_OUT, bytes, offset);
    },
    load(code) {
      // The working directory is this process's own and is removed after it.
      const path = join(process.cwd(), "bundle.mjs");
      writeFileSync(path, code);
      const { href } = pathToFileURL(path);
      return { url: href, module: import(href) };
    },
    onStray(listener) {
      process.on("uncaughtException", listener);
      process.on("unhandledRejection", listener);
    },
    exit: () => process.exit(0),
  };
}

serve(nodeHost());
