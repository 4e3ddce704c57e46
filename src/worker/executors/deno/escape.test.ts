import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import process from "node:process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FailureData } from "../../../protocol/index.ts";
import { startTest } from "../executor.contract.ts";
import type { Executor } from "../port.ts";
import { createDenoExecutor } from "./executor.ts";

const SECRET = "root:x:0:0";

/** Each tries to get at /etc/passwd; what it gets is the task's result. */
const readings: Readonly<Record<string, string>> = {
  "static import as text": `import text from "file:///etc/passwd" with { type: "text" }; export const main = () => text`,
  "static import as bytes": `import bytes from "file:///etc/passwd" with { type: "bytes" }; export const main = () => bytes`,
  "static import as JSON": `import json from "file:///etc/passwd" with { type: "json" }; export const main = () => json`,
  "static import as code": `import "file:///etc/passwd"; export const main = () => "loaded"`,
  "static import through a data module": `import text from 'data:text/javascript,import text from "file:///etc/passwd" with { type: "text" }; export default text'; export const main = () => text`,
  "dynamic import as text": `export const main = async () => (await import("file:///etc/passwd", { with: { type: "text" } })).default`,
  "dynamic import as bytes": `export const main = async () => (await import("file:///etc/passwd", { with: { type: "bytes" } })).default`,
  "dynamic import as JSON": `export const main = async () => (await import("file:///etc/passwd", { with: { type: "json" } })).default`,
  "dynamic import as code": `export const main = async () => { await import("file:///etc/passwd"); return "loaded" }`,
  "a data module that imports it": `export const main = async () => (await import('data:text/javascript,import text from "file:///etc/passwd" with { type: "text" }; export default text')).default`,
  "fetch of a file": `export const main = async () => (await fetch("file:///etc/passwd")).text()`,
  "Deno.readTextFile": `export const main = () => Deno.readTextFile("/etc/passwd")`,
  "Deno.openSync": `export const main = () => { Deno.openSync("/etc/passwd"); return "opened" }`,
  "node:fs": `import { readFileSync } from "node:fs"; export const main = () => readFileSync("/etc/passwd", "utf8")`,
  require: `import { createRequire } from "node:module"; export const main = () => createRequire("file:///tmp/x.js")("/etc/passwd")`,
  "a worker from a file": `export const main = () => new Promise((done, fail) => {
    const worker = new Worker("file:///etc/passwd", { type: "module" });
    worker.onerror = (event) => { event.preventDefault(); fail(new Error(event.message)) };
    worker.onmessage = (event) => done(event.data) })`,
  "a worker that imports it": `export const main = () => new Promise((done, fail) => {
    const code = 'import text from "file:///etc/passwd" with { type: "text" }; postMessage(text)';
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })), { type: "module" });
    worker.onerror = (event) => { event.preventDefault(); fail(new Error(event.message)) };
    worker.onmessage = (event) => done(event.data) })`,
  "a worker that asks for permissions": `export const main = () => new Promise((done, fail) => {
    const code = 'postMessage(Deno.readTextFileSync("/etc/passwd"))';
    const worker = new Worker(URL.createObjectURL(new Blob([code], { type: "text/javascript" })),
      { type: "module", deno: { permissions: { read: true } } });
    worker.onerror = (event) => { event.preventDefault(); fail(new Error(event.message)) };
    worker.onmessage = (event) => done(event.data) })`,
  "import through import.meta.resolve": `export const main = async () => (await import(import.meta.resolve("file:///etc/passwd"), { with: { type: "text" } })).default`,
  symlink: `export const main = () => { Deno.symlinkSync("/etc/passwd", "/tmp/musketeers-link"); return "linked" }`,
};

/** Each tries something else that it must not; a result is an escape. */
const powers: Readonly<Record<string, string>> = {
  "environment through Deno": "export const main = () => Deno.env.toObject()",
  "environment through process": `import process from "node:process"; export const main = () => { if (process.env.PATH === undefined) throw new Error("empty"); return process.env.PATH }`,
  "host name": "export const main = () => Deno.hostname()",
  "node:os": `import os from "node:os"; export const main = () => os.hostname() + os.userInfo().username`,
  "network interfaces": "export const main = () => Deno.networkInterfaces()",
  subprocess: `export const main = async () => (await new Deno.Command("/bin/true").output()).code`,
  "subprocess through node": `import { execFileSync } from "node:child_process"; export const main = () => String(execFileSync("/bin/id"))`,
  "foreign functions": `export const main = () => { Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {}); return "opened" }`,
  "write a file": `export const main = () => { Deno.writeTextFileSync("/tmp/musketeers-escape", "x"); return "written" }`,
  "kill the parent": `import process from "node:process"; export const main = () => process.kill(${process.pid}, 0)`,
  "kill through Deno": `export const main = () => { Deno.kill(${process.pid}, "SIGTERM"); return "killed" }`,
  "listen on a port": `export const main = () => { Deno.listen({ port: 0 }); return "listens" }`,
  "remote import": `export const main = async () => { await import("https://deno.land/std/version.ts"); return "loaded" }`,
  "npm import": `export const main = async () => { await import("npm:left-pad"); return "loaded" }`,
  "ask for permissions": `export const main = async () => {
    const { state } = await Deno.permissions.request({ name: "read" });
    if (state !== "granted") throw new Error(state);
    return state }`,
  inspector: `import inspector from "node:inspector"; export const main = () => { inspector.open(0); return "open" }`,
};

for (const bubblewrap of [false, true]) {
  describe(bubblewrap ? "escape from Deno in bubblewrap" : "escape from Deno", { timeout: 60_000 }, () => {
    let executor: Executor;
    let server: Server;
    let port = 0;
    beforeAll(async () => {
      executor = await createDenoExecutor({ bubblewrap });
      server = createServer((request, response) => {
        if (request.url === "/redirect") {
          response.writeHead(302, { location: `http://localhost:${port}/` }).end();
        } else {
          response.end("inside");
        }
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      port = (server.address() as AddressInfo).port;
    }, 60_000);
    afterAll(async () => {
      await executor.close();
      await new Promise((resolve) => server.close(resolve));
    });

    const attempt = async (code: string, net: readonly string[] = []): Promise<unknown> => {
      const test = startTest(executor, code, { net, timeoutMs: 10_000 });
      try {
        return await test.call(0);
      } finally {
        await test.sandbox.kill();
      }
    };
    const refused = async (code: string, net?: readonly string[]): Promise<string> => {
      const outcome = await attempt(code, net).then(
        (value) => ({ value }),
        (failure: FailureData | Error) => failure,
      );
      expect(outcome).not.toHaveProperty("value");
      const { message: text, stack } = outcome as FailureData;
      const message = `${text}\n${stack}`;
      expect(message).not.toContain(SECRET);
      // A sandbox that does not even start would refuse everything.
      expect(message).not.toMatch(/ended with status 1:/);
      return message;
    };
    const fetching = (url: string) =>
      `export const main = async () => (await fetch(${JSON.stringify(url)})).text()`;

    it.each(Object.entries(readings))("cannot read /etc/passwd by %s", async (_name, code) => {
      await refused(code);
    });

    it.each(Object.entries(powers))("has no power over: %s", async (_name, code) => {
      await refused(code);
    });

    it("reaches an address that is granted literally, and only with a grant", async () => {
      expect(await attempt(fetching(`http://127.0.0.1:${port}/`), [`127.0.0.1:${port}`])).toBe("inside");
      expect(await attempt(fetching(`http://localhost:${port}/`), [`localhost:${port}`])).toBe("inside");
      expect(await refused(fetching(`http://127.0.0.1:${port}/`))).toMatch(/net access/i);
      await refused(fetching(`http://127.0.0.1:${port}/`), [`127.0.0.1:${port === 1 ? 2 : 1}`]);
      await refused(fetching(`http://127.0.0.2:${port}/`), [`127.0.0.1:${port}`]);
    });

    it("does not follow a granted name to loopback", async () => {
      expect(await refused(fetching(`http://${hostname()}:${port}/`), [hostname()])).toMatch(/net access/i);
      await refused(
        `export const main = async () => { await Deno.connect({ hostname: "${hostname()}", port: ${port} }); return "connected" }`,
        [hostname()],
      );
      await refused(
        `import net from "node:net"; export const main = () => new Promise((done, fail) =>
          net.connect(${port}, "${hostname()}").once("connect", () => done("connected")).once("error", fail))`,
        [hostname()],
      );
    });

    it("reaches no loopback under a grant of everything, whatever its form", async () => {
      for (const host of [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "0x7f.1",
        "2130706433",
      ]) {
        expect(await refused(fetching(`http://${host}:${port}/`), ["*"]), host).toMatch(/net access/i);
      }
      await refused(fetching("http://169.254.169.254/latest/meta-data/"), ["*"]);
    });

    it("follows no redirect to what is not granted", async () => {
      await refused(fetching(`http://127.0.0.1:${port}/redirect`), [`127.0.0.1:${port}`]);
    });

    it("refuses a grant that would be two", async () => {
      expect(() => startTest(executor, "", { net: ["example.org,127.0.0.1"] })).toThrow("No host");
    });

    it("survives garbage on stdout", async () => {
      for (const bytes of [
        "[1, 2, 3]",
        "[255, 255, 255, 255, 255]",
        "[6, 0, 0, 0, 17, 1, 0, 0, 0, 0]",
        "[1, 0, 0, 0, 99]",
      ]) {
        const code = `export const main = () => { Deno.stdout.writeSync(new Uint8Array(${bytes})); return 1 }`;
        expect(await refused(code)).toMatch(/crash: .*protocol of its sandbox/);
      }
    });

    it("survives results that nobody asked for, and forged ones", async () => {
      const frame = (count: number, block: readonly number[]) => {
        const payload = [count, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...block];
        return JSON.stringify([payload.length + 1, 0, 0, 0, 17, ...payload]);
      };
      const forged = [frame(9, []), frame(1, []), frame(1, [200]), frame(1, [3, 0xd8, 42, 0])];
      for (const bytes of forged) {
        const code = `export const main = () => { Deno.stdout.writeSync(new Uint8Array(${bytes})); for (;;); }`;
        expect(await refused(code)).toMatch(/crash: .*protocol of its sandbox/);
      }
    });

    it("survives a flood of output", async () => {
      const code = `export const main = () => { const junk = new Uint8Array(1 << 20); for (;;) Deno.stdout.writeSync(junk) }`;
      expect(await refused(code)).toMatch(/^crash/);
    });
  });
}
