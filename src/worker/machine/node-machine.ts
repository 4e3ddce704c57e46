import { availableParallelism, hostname, loadavg, totalmem } from "node:os";
import process from "node:process";
import { processorQuota } from "./cgroup.ts";
import { ProcCpuMeter } from "./cpu-meter.ts";
import { coresOf, type Machine, memoryOf } from "./machine.ts";

interface NodeMachine extends Machine {
  name(): string;
  cores(): number;
}

/** The machine of this process. */
export const nodeMachine: NodeMachine = {
  name: () => hostname().slice(0, 64) || "worker",
  cores: () => coresOf(availableParallelism(), processorQuota()),
  memoryBytes: () => memoryOf(totalmem(), process.constrainedMemory()),
  load: () => Math.max(0, (loadavg()[0] ?? 0) / availableParallelism()),
  agentMemoryBytes: () => process.memoryUsage.rss(),
  ...(process.platform === "linux" ? { newCpuMeter: () => new ProcCpuMeter() } : {}),
};
