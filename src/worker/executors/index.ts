/** How a worker keeps a task from its machine: one port, Deno for strangers' code, Node for one's own. */

export { ContainerExecutor, type ContainerExecutorOptions } from "./container/executor.ts";
export { type KnownImages, knownImages } from "./container/known-images.ts";
export { type Denial, denialBy } from "./denial.ts";
export { createDenoExecutor, type DenoExecutorOptions } from "./deno/executor.ts";
export { createNodeExecutor, type NodeExecutorOptions } from "./node/executor.ts";
export type { Death, Executor, Sandbox, SandboxHandlers, SandboxOrder, SandboxResults } from "./port.ts";
export { offerToEnd } from "./process/oom-score.ts";
export type { Priority } from "./process/priority.ts";
export { makeScratch } from "./process/scratch.ts";
