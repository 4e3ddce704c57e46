/** What both faces, Node's and the browser's, have in common. */
export {
  BlobHandle,
  type CsvOptions,
  type CsvRecord,
  type FileContent,
  type RangeOptions,
  type TextOptions,
} from "../data/index.ts";
export type {
  Calls,
  DatasetSummary,
  FailureKind,
  FileRef,
  HubStatus,
  JobDetails,
  JobState,
  JobSummary,
  LogLine,
  Role,
  WorkerSummary,
} from "../protocol/index.ts";
export { type ErrorCode, MusketeersError } from "../protocol/index.ts";
export { Cluster, type RunOptions } from "./cluster.ts";
export type { OpenOptions, PutOptions } from "./cluster-data.ts";
export type { ConnectOptions } from "./connect.ts";
export { Dataset, type PathStat } from "./dataset.ts";
export { TaskError } from "./errors.ts";
export { Job, type ResultsOptions, type SubmitOptions } from "./job.ts";
export type { LoadedTask } from "./loaded.ts";
export { type MapOptions, MapResults, MapValues, type Progress } from "./map.ts";
export type { TaskNeeds, TaskOptions } from "./options.ts";
export type { Inputs } from "./pump.ts";
export type { PutFile, PutProgress } from "./put.ts";
export type { Content, PutFiles, PutSource, SourceFile } from "./put-source.ts";
export { checkpoint, putFile, restored } from "./runtime.ts";
export type { Outcome, Result } from "./stream.ts";
export { type InputOf, type OutputOf, type Task, task } from "./task.ts";
export { type Duration, parseDuration, parseSize, type Size } from "./units.ts";
