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
export type { ImportOptions, OpenOptions, PutOptions } from "./cluster-data.ts";
export type { ConnectOptions } from "./connect.ts";
export type {
  ContainerDefinition,
  ContainerInput,
  ContainerOutput,
  ContainerTask,
} from "./container-task.ts";
export { Dataset, type PathStat } from "./dataset.ts";
export { TaskError } from "./errors.ts";
export type { Iterated, IterateOptions } from "./iterate.ts";
export { Job, type MapReduceJob, type ResultsOptions, type SubmitOptions } from "./job.ts";
export type { LoadedTask } from "./loaded.ts";
export { type MapOptions, MapResults, MapValues, type Progress } from "./map.ts";
export {
  type Emit,
  type MapContext,
  type MapReduce,
  type MapReduceDefinition,
  mapReduce,
  type TokenCounter,
} from "./map-reduce.ts";
export type { TaskNeeds, TaskOptions, TaskQuorum } from "./options.ts";
export { type Listing, Pairs } from "./pairs.ts";
export type { PictureTile } from "./picture.ts";
export type { Inputs } from "./pump.ts";
export type { PutFile, PutProgress } from "./put.ts";
export type { Content, LeftOut, PutFiles, PutSource, SourceFile } from "./put-source.ts";
export { checkpoint, count, max, min, putFile, type Reducer, restored, sum, top } from "./runtime.ts";
export type { MapReduceOptions } from "./shuffle.ts";
export type { ShuffleInput } from "./shuffle-input.ts";
export type { Outcome, Result } from "./stream.ts";
export { type InputOf, type OutputOf, type Task, task } from "./task.ts";
