import { executorContract } from "../executor.contract.ts";
import { createDenoExecutor } from "./executor.ts";

executorContract("deno", (limits) => createDenoExecutor({ limits, bubblewrap: false }));
executorContract("deno in bubblewrap, where it is", (limits) => createDenoExecutor({ limits }));
