import { executorContract } from "../executor.contract.ts";
import { createNodeExecutor } from "./executor.ts";

executorContract("node", (limits) => createNodeExecutor({ limits }));
