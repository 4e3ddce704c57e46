import {
  type InputsMessage,
  type JobSpec,
  type Limits,
  MusketeersError,
  projectOf,
  type SubmitMessage,
  sliceRecords,
} from "../../protocol/index.ts";
import { isStageId, type SchedulerEvent, type Untimed } from "../../scheduler/index.ts";
import { IndexedBlock } from "../journal/block.ts";
import type { Blocks } from "../journal/blocks.ts";
import type { Ledger } from "../journal/ledger.ts";
import type { Locality } from "../peers/locality.ts";
import type { ProjectBooks } from "../projects/project-books.ts";
import type { Consents } from "../workers/consents.ts";
import type { JobEntry } from "./job-entry.ts";
import type { Jobs } from "./jobs.ts";

/** A client as far as it brings something. */
export interface Submitter {
  readonly scope: { readonly project: string | undefined };
  /** Keeps an attached job alive. */
  hold(entry: JobEntry): void;
  /** Inputs of it that the journal does not hold yet came, or are stored. */
  addUnstored(bytes: number): void;
  send(header: object): void;
  /** What nobody waits for: it may go a little later, with others. */
  sendReceipt(header: object): void;
}

export interface IntakeHost {
  readonly limits: Limits;
  readonly jobs: Jobs;
  readonly books: Pick<ProjectBooks, "admit" | "submit">;
  readonly blocks: Blocks;
  readonly ledger: Ledger;
  wallMs(): number;
  /** Told of new jobs. */
  readonly consents: Pick<Consents, "jobAdded">;
  /** Told of new inputs of submissions. */
  readonly locality: Pick<Locality, "inputs">;
  feed(event: Untimed<SchedulerEvent>): void;
}

const emptyBody = new Uint8Array(0);

/** @throws MusketeersError `BAD_ARGUMENT` for ways of being believed that a shuffle has not. */
function checkVotes({ shuffle, canaries, options }: JobSpec): void {
  if (shuffle === undefined) return;
  const hint =
    "A map-reduce takes a quorum alone: its answers are rows of files, which are compared by their names.";
  if (canaries !== undefined)
    throw new MusketeersError("BAD_ARGUMENT", "A map-reduce cannot have canaries", { hint });
  if (options.quorum?.same === true) {
    throw new MusketeersError("BAD_ARGUMENT", "A map-reduce cannot compare answers by same", { hint });
  }
}

/** What clients bring: jobs and their inputs, on the way to journal and scheduler. */
export class Intake {
  readonly #host: IntakeHost;

  constructor(host: IntakeHost) {
    this.#host = host;
  }

  /**
   * A submission; the same id again is the same job.
   * @throws MusketeersError `JOB_EXISTS`, `TOO_MANY`, `PROTOCOL`, `LIMIT_EXCEEDED`
   */
  submit(client: Submitter, message: SubmitMessage, body: Uint8Array): void {
    const { spec, count, sealed } = message;
    checkVotes(spec);
    if (isStageId(spec.job)) throw new MusketeersError("BAD_ARGUMENT", `No job may be called ${spec.job}`);
    let entry = this.#host.jobs.get(spec.job);
    if (entry === undefined) {
      const block = this.#blockOf(body, count);
      this.#checkSize(spec, count);
      this.#host.books.submit(spec, count, body.length);
      entry = this.#addJob(spec);
      client.hold(entry);
      if (count > 0 || sealed) this.#append(client, entry.intake, block, sealed);
    } else {
      if (projectOf(entry.spec) !== projectOf(spec)) {
        throw new MusketeersError("JOB_EXISTS", `Job ${spec.job} exists with another task`);
      }
      if (entry.spec.task.bundle !== spec.task.bundle || entry.spec.task.entry !== spec.task.entry) {
        throw new MusketeersError("JOB_EXISTS", `Job ${spec.job} exists with another task`);
      }
      client.hold(entry);
    }
    const accepted = entry;
    this.#host.ledger.after(() => {
      client.send({ type: "accepted", job: spec.job, ...accepted.taken });
    });
  }

  /** @throws MusketeersError `NOT_FOUND`, `PROTOCOL`, `LIMIT_EXCEEDED` */
  inputs(client: Submitter, message: InputsMessage, body: Uint8Array): void {
    const submission = this.#host.jobs.require(message.job, client.scope.project);
    if (submission.state !== "running") {
      this.#stored(client, submission);
      return;
    }
    const entry = submission.intake;
    if (message.from > entry.size) {
      throw new MusketeersError("PROTOCOL", `Inputs from ${message.from} of a job of ${entry.size}`);
    }
    // A client that came back sends again what it could not know to be stored.
    const known = Math.min(entry.size - message.from, message.count);
    const fresh = message.count - known;
    const nothingNew = fresh === 0 && (entry.sealed || !message.sealed);
    if (nothingNew) {
      this.#stored(client, submission);
      return;
    }
    if (entry.sealed) throw new MusketeersError("PROTOCOL", `Job ${message.job} is sealed`);
    const block = this.#blockOf(body, message.count);
    const records = known === 0 ? block : this.#blockOf(sliceRecords(body, known, message.count), fresh);
    this.#host.books.admit(entry.spec, records.count, records.bytes.length);
    this.#append(client, entry, records, message.sealed);
  }

  #blockOf(body: Uint8Array, count: number): IndexedBlock {
    const { frameBytesMax, headerBytesMax } = this.#host.limits;
    // A record of it goes out in another frame, whose header may be larger.
    if (body.length > frameBytesMax - headerBytesMax) {
      throw new MusketeersError("LIMIT_EXCEEDED", `A block of inputs of ${body.length} bytes is too large`, {
        hint: "Send less at once; large values travel as blobs.",
      });
    }
    return new IndexedBlock(count === 0 ? emptyBody : body, count);
  }

  #checkSize({ job, shuffle, task }: JobSpec, size: number): void {
    const { jobInputsMax, outputsPerJobMax } = this.#host.limits;
    if (size > jobInputsMax) {
      throw new MusketeersError("LIMIT_EXCEEDED", `Job ${job} has more than ${jobInputsMax} inputs`);
    }
    const partitions = shuffle?.partitions ?? task.stage?.partitions;
    if (partitions === undefined || size * partitions <= outputsPerJobMax) return;
    const text = `A shuffle of ${size} inputs and ${partitions} partitions has too many outputs (outputsPerJobMax)`;
    throw new MusketeersError("LIMIT_EXCEEDED", text, { hint: "Take larger segments, or fewer partitions." });
  }

  /** @throws MusketeersError `TOO_MANY` */
  #addJob(spec: JobSpec): JobEntry {
    const { jobs, limits, ledger } = this.#host;
    const { running } = jobs;
    if (running >= limits.jobsActiveMax) {
      throw new MusketeersError("TOO_MANY", `The hub has ${running} jobs already (jobsActiveMax)`);
    }
    const entry = jobs.add(spec, this.#host.wallMs());
    ledger.append({ type: "submitted", spec, atMs: entry.submittedAtMs }, undefined, () => {});
    this.#host.feed({ type: "JobSubmitted", spec });
    this.#host.consents.jobAdded(entry);
    return entry;
  }

  /** Leases may begin before the block is stored: a result cannot be stored before its input is. */
  #append(client: Submitter, entry: JobEntry, block: IndexedBlock, sealed: boolean): void {
    const { ledger } = this.#host;
    const { job } = entry.submission.spec;
    const { count, bytes } = block;
    this.#checkSize(entry.spec, entry.size + count);
    if (count > 0) this.#store(client, entry, block);
    if (sealed) {
      entry.sealed = true;
      ledger.append({ type: "sealed", job }, undefined, () => {
        entry.storedSealed = true;
      });
    }
    if (count > 0) this.#host.feed({ type: "InputsAppended", job, count, bytes: bytes.length });
    if (sealed) this.#host.feed({ type: "InputsSealed", job });
    this.#stored(client, entry);
  }

  #store(client: Submitter, entry: JobEntry, block: IndexedBlock): void {
    const { job } = entry.submission.spec;
    const { count, bytes } = block;
    const from = entry.size;
    const row = entry.inputBlocks.rows;
    entry.size += count;
    entry.inputBlocks.push(from, count, -1);
    entry.unstored.set(from, block);
    this.#host.locality.inputs(job, from, bytes);
    client.addUnstored(bytes.length);
    this.#host.ledger.append({ type: "inputs", job, from, count }, bytes, (position, stored) => {
      entry.storedBytes += stored;
      entry.inputBlocks.set(row, 2, position);
      entry.unstored.delete(from);
      entry.storedSize = from + count;
      this.#host.blocks.keepInputs(position, block);
      client.addUnstored(-bytes.length);
    });
  }

  #stored(client: Submitter, entry: JobEntry): void {
    const submission = entry.submission;
    this.#host.ledger.after(() => {
      const { size, sealed } = submission.taken;
      const receipt = { type: "stored", job: submission.spec.job, size };
      // Whoever has sealed a job may be waiting to leave.
      if (sealed) client.send(receipt);
      else client.sendReceipt(receipt);
    });
  }
}
