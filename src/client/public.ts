/** What both faces, Node's and the browser's, have in common. */
export {
  BlobHandle,
  type CsvOptions,
  type CsvRecord,
  type FileContent,
  type FormatOption,
  type Key,
  type RangeOptions,
  type TextOptions,
} from "../data/index.ts";
export type {
  Calls,
  CreditSummary,
  DatasetStatus,
  DatasetSummary,
  FailureKind,
  FileRef,
  HubStatus,
  JobDetails,
  JobState,
  JobSummary,
  LogLine,
  PersonSummary,
  PictureSize,
  Role,
  WorkerSummary,
} from "../protocol/index.ts";
export {
  type Duration,
  type ErrorCode,
  MusketeersError,
  parseDuration,
  parseSize,
  type Size,
} from "../protocol/index.ts";
export type { Canary } from "./canaries.ts";
export { Cluster, type RunOptions } from "./cluster.ts";
export type { ConnectOptions } from "./connect.ts";
export type { ImportOptions, OpenOptions, PutOptions } from "./datasets/cluster-data.ts";
export { Dataset, type PathStat } from "./datasets/dataset.ts";
export type { PutFile, PutProgress } from "./datasets/put.ts";
export type { Content, LeftOut, PutFiles, PutSource, SourceFile } from "./datasets/put-source.ts";
export { TaskError } from "./errors.ts";
export { Job, type MapReduceJob, type ResultsOptions, type SubmitOptions } from "./jobs/job.ts";
export { type MapOptions, MapResults, MapValues, type Progress } from "./jobs/map.ts";
export type { Inputs } from "./jobs/pump.ts";
export type { Outcome, Result } from "./jobs/stream.ts";
export type { Iterated, IterateOptions } from "./map-reduce/iterate.ts";
export {
  type Emit,
  type MapContext,
  type MapReduce,
  type MapReduceDefinition,
  mapReduce,
  type TokenCounter,
} from "./map-reduce/map-reduce.ts";
export { type Listing, Pairs } from "./map-reduce/pairs.ts";
export type { MapReduceOptions } from "./map-reduce/shuffle.ts";
export type { ShuffleInput } from "./map-reduce/shuffle-input.ts";
export type { TaskNeeds, TaskOptions, TaskQuorum } from "./options.ts";
export type { PictureTile } from "./picture.ts";
export { checkpoint, count, max, min, putFile, type Reducer, restored, sum, top } from "./runtime.ts";
export type {
  ContainerDefinition,
  ContainerInput,
  ContainerOutput,
  ContainerTask,
} from "./tasks/container-task.ts";
export type { LoadedTask } from "./tasks/loaded.ts";
export { type InputOf, type OutputOf, type Task, task } from "./tasks/task.ts";
