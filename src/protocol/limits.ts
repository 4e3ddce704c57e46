/**
 * Every timer, queue, size and count of the system that is a decision, by name, with its unit last.
 * `docs/limits.md` has a line for each; a test holds the two together.
 */
export interface Limits {
  /** Largest frame that either side accepts, header and body together. */
  readonly frameBytesMax: number;
  /** Largest header of a frame; what is bulky belongs into the body. */
  readonly headerBytesMax: number;
  /** A packed block (inputs or results) is closed when it reaches this size. */
  readonly blockBytesTarget: number;
  /** Most records in one block. */
  readonly blockRecordsMax: number;
  /** A value whose encoding is larger than this travels as a blob. */
  readonly inlineValueBytesMax: number;
  /** Largest encoding of a result that a hub takes from a worker; larger values travel as blobs. */
  readonly resultBytesMax: number;
  /** Largest single value or file in the hub's blob store. */
  readonly blobBytesMax: number;
  /** Largest block that travels with others: a chunk of a file, or a node above chunks. */
  readonly blockBytesMax: number;
  /** Blocks that are sent together have about so many bytes... */
  readonly blockBatchBytesTarget: number;
  /** ...and there are at most so many of them. */
  readonly blocksPerBatchMax: number;
  /** Batches of blocks that one transfer has under way at once. */
  readonly blockBatchesAtOnce: number;
  /** Names in a hub's catalogue of datasets. */
  readonly datasetsMax: number;
  /** Tries of one fetch or store of a blob before it fails. */
  readonly blobAttemptsMax: number;
  /** A transfer of a blob that moves nothing for so long is tried again. */
  readonly blobStallMs: number;
  /** An upload may take `blobStallMs` and what its bytes take at this rate before it is tried again. */
  readonly blobUploadBytesPerSecondMin: number;
  /** What an input file is split into for map tasks, where nothing else is asked for. */
  readonly splitBytesTarget: number;
  /** Blobs that a worker keeps on its disk for its tasks, all hubs together. */
  readonly workerCacheBytesMax: number;
  /** Blobs used lately that a worker has in memory, besides its cache; at most a sixteenth of the machine's. */
  readonly recentBlobsBytesMax: number;
  /** What a worker fetches of the data of inputs before their turn comes. */
  readonly inputsAheadBytesMax: number;
  /** What an agent sends one sandbox of files ahead of what that has consumed, all files together. */
  readonly fileWindowBytes: number;
  /** Files that one sandbox may read and write at once. */
  readonly sandboxFilesMax: number;
  /** Bytes that a worker's tasks wrote into files and that are not stored yet; then they wait. */
  readonly fileBytesUnstoredMax: number;
  /** Longest line or row that a reader of files takes. */
  readonly lineBytesMax: number;
  /** Most memory that a file packed by zstd may ask for to be unpacked. */
  readonly unpackWindowBytesMax: number;
  /** Largest single record of a journal. */
  readonly recordBytesMax: number;
  /** A journal's segment is followed by the next one when it has this size. */
  readonly segmentBytesTarget: number;
  /** Small blobs are stored together in files; one of this size is followed by the next one. */
  readonly packBytesTarget: number;
  /** Largest blob that is stored together with others. */
  readonly packedBlobBytesMax: number;
  /** Bytes of appends that go out with one write; more wait for the next one. */
  readonly commitBytesMax: number;
  /** How long after a write a journal of default durability is synced, unasked. */
  readonly syncIntervalMs: number;
  /** Largest value of a registry key. */
  readonly registryValueBytesMax: number;
  /** First and longest pause before a refused write is tried again. */
  readonly storageRetryMinMs: number;
  readonly storageRetryMaxMs: number;
  /** Largest bundle of task code. */
  readonly bundleBytesMax: number;
  /** Largest signed manifest of a submission, with the certificate of its submitter. */
  readonly proofBytesMax: number;
  /** Questions of one project that wait for a volunteer's answer, and those that a hub puts to one worker. */
  readonly consentRequestsMax: number;
  /** How often a worker looks whether its volunteer granted more. */
  readonly consentPollMs: number;
  /** Size of the log of all workers of a user. */
  readonly workerLogBytesMax: number;
  /** How long one entry of that log is added to. */
  readonly workerLogIntervalMs: number;
  /** Different denials in one entry. */
  readonly workerLogDenialsMax: number;
  /** Most inputs in one job. */
  readonly jobInputsMax: number;
  /** Partitions of a map-reduce where nothing is said. */
  readonly partitionsDefault: number;
  /** Most partitions of a shuffle. */
  readonly partitionsMax: number;
  /** Share of a task's memory that a stage of a map-reduce takes for what it has not written yet. */
  readonly stageTableShare: number;
  /** Values of a key that a map gathers before they are combined. */
  readonly combineValuesMax: number;
  /** Values of a key that a reduce gathers before they are combined. */
  readonly reduceValuesMax: number;
  /** Runs that a reduce merges at once where they do not fit into memory. */
  readonly mergeRunsMax: number;
  /** Outputs that a reduce fetches at once. */
  readonly outputFetchesMax: number;
  /** Most outputs that a shuffle may have: its segments times its partitions. */
  readonly outputsPerJobMax: number;
  /** Inputs of reduce stages that a hub keeps at hand. */
  readonly columnBytesMax: number;
  /** Jobs that have not ended, on one hub. */
  readonly jobsActiveMax: number;
  /** Ended jobs of which the hub keeps the summary at hand. */
  readonly jobsEndedKept: number;
  /** How long an ended job and its results are kept. */
  readonly jobsKeptMs: number;
  /** A hub looks for what it may forget so often. */
  readonly retentionIntervalMs: number;
  /** Blobs that no kept job refers to are kept for so long after they were stored or asked for last. */
  readonly blobsUnusedMs: number;
  /** What the stages of a shuffle handed on is kept for so long after its end and its last use. */
  readonly outputsUnusedMs: number;
  /** A checkpoint is written when so many records came after the one before; more in a large journal. */
  readonly checkpointRecordsMin: number;
  /** The journal is compacted when so much of it is of no use, and at least as much as is of use. */
  readonly compactionBytesMin: number;
  /** Error groups (by fingerprint) that are kept for each job. */
  readonly errorGroupsPerJobMax: number;
  /** Workers that a job counts by name; what others did is counted together. */
  readonly workersPerJobMax: number;
  /** Log lines that are kept for each job; older ones are dropped first. */
  readonly logLinesPerJobMax: number;
  /** A task's state is kept at most this often; a `checkpoint` that comes sooner does nothing. */
  readonly checkpointIntervalMs: number;
  /** Inputs of one job of which a saved state is kept. */
  readonly savedStatesPerJobMax: number;
  /** Log lines of all jobs together that a hub keeps. */
  readonly logBytesMax: number;
  /** Longest line of a log; the rest is cut. */
  readonly logLineBytesMax: number;
  /** Log bytes that a slot may send a second; more is dropped and counted. */
  readonly logBytesPerSecondMax: number;

  /** A lease ends when its worker was silent for this long. */
  readonly leaseTtlMs: number;
  /** How often a worker says that it is alive. */
  readonly heartbeatIntervalMs: number;
  /** A handshake must be done within this time. */
  readonly handshakeTimeoutMs: number;
  /** After a hub's restart, ranges that may be running somewhere are held back for so long. */
  readonly adoptionWindowMs: number;
  /** An attached job is cancelled when its client was gone for this long. */
  readonly attachedGraceMs: number;
  /** A detached job whose inputs are not all in is cancelled when its client was gone for this long. */
  readonly unsealedGraceMs: number;
  /** An iteration with a checkpoint keeps its value at most this often, and at its end. */
  readonly iterateSaveIntervalMs: number;
  /** First and longest pause between two tries to reconnect. */
  readonly reconnectDelayMinMs: number;
  readonly reconnectDelayMaxMs: number;
  /** A worker at whose hub's address another hub answers looks again this often. */
  readonly strangerRetryMs: number;
  /** What a drained worker may still finish before it hands the rest back. */
  readonly drainGraceMs: number;
  /** How often a worker that follows its hub's version asks for it. */
  readonly releaseCheckIntervalMs: number;
  /** Over how long all that follow a hub fetch what is new, so that they do not do it at once. */
  readonly releaseSpreadMs: number;
  /** The largest program that such a worker fetches. */
  readonly releaseBytesMax: number;
  /** What it may still finish before it starts again as the new version. */
  readonly releaseGraceMs: number;
  /** No unit of a browser tab is to take longer: tabs are closed without a word. */
  readonly tabUnitMsMax: number;
  /** What a sandbox in a tab may say while its worker takes nothing in. */
  readonly tabHeldBytesMax: number;
  /** Blobs that a browser tab keeps in memory. */
  readonly tabCacheBytesMax: number;
  /** How often a worker looks whether its machine may work. */
  readonly governIntervalMs: number;
  /** How long a paused worker keeps what it has begun, before it hands it back. */
  readonly pauseHoldMs: number;

  /** What a unit should take. */
  readonly unitTargetMs: number;
  /** Most inputs in one unit. */
  readonly unitInputsMax: number;
  /** Near the end a unit is not cut smaller than what takes this long. */
  readonly unitMinMs: number;
  /** Most ranges in one unit: scattered retries travel together up to here. */
  readonly unitRangesMax: number;
  /** A unit's inputs should not be larger than this together. */
  readonly unitBytesTarget: number;
  /** A unit grows at most by this factor over the one before it. */
  readonly unitGrowthMax: number;
  /** A slot is given its next unit when what it has left is expected to take less than this. */
  readonly prefetchMs: number;
  /** Most units that wait on one slot behind the running one. */
  readonly prefetchUnitsMax: number;
  /** Leases that a hub hands out a second at most before it makes units longer. */
  readonly leasesPerSecondTarget: number;
  /** A job gets ahead of others by this much slot time at most for what it could not use before. */
  readonly fairnessLagMs: number;
  /** A running input is speculated on when it took this many times what was expected... */
  readonly speculationFactor: number;
  /** ...and at least this long. */
  readonly speculationAfterMs: number;

  /** A task's time-out for one input where it names none. */
  readonly taskTimeoutMs: number;
  /** Largest time-out that a task may ask for. */
  readonly taskTimeoutMaxMs: number;
  /** A task's memory where it names none. */
  readonly taskMemoryBytes: number;
  /** Retries of a throwing input where the task names none. */
  readonly taskRetries: number;
  /** Most retries that a task may ask for. */
  readonly taskRetriesMax: number;
  /** First pause before a retry; doubled each time up to the largest. */
  readonly retryBackoffMs: number;
  readonly retryBackoffMaxMs: number;
  /** Pause before a reducer that did not find its inputs is tried again. */
  readonly missingRetryMs: number;
  /** Complaints about an output that only other workers keep, before it is made again. */
  readonly outputMissesMax: number;
  /** Attempts that may kill their sandbox before an input is quarantined. */
  readonly taskMaxAttempts: number;
  /** Workers that may vanish under an input count as one killed sandbox. */
  readonly lossesPerStrike: number;
  /** The breaker looks at a job only after this many inputs ended. */
  readonly breakerInputsMin: number;
  /** A job is stopped when this share of its ended inputs failed for good. */
  readonly breakerFailedShare: number;
  /** Valid results in a row after which a person counts as proven. */
  readonly provenStreakMin: number;
  /** Proven people are checked at least once in so many results, however long their streak is. */
  readonly checkIntervalInputsMax: number;
  /** A person gets no more work that asks for a quorum after so many wrong results... */
  readonly suspectBadMin: number;
  /** ...where these are more than this share of what was compared of theirs. */
  readonly suspectBadShare: number;
  /** Inputs of one job that wait for more votes; above this nothing new is begun of it. */
  readonly undecidedInputsMax: number;
  /** Bytes of answers that a hub keeps in memory because they wait for others'. */
  readonly candidateBytesMax: number;
  /** Largest list of revoked certificates of a project. */
  readonly revocationBytesMax: number;
  /** Pairs of answers that a trusted worker is given at once to compare, where a task brings its own `same`. */
  readonly comparisonsPerUnitMax: number;
  /** Canaries of a job, and bytes of their inputs. */
  readonly canariesMax: number;
  readonly canaryBytesMax: number;
  /** Width and height of a picture that a job paints, in pixels. */
  readonly pictureSideMax: number;
  /** What a hub finds out about people is written after so long, with what else was found out. */
  readonly peopleSaveMs: number;

  /** Inputs that a client has sent and whose results it has not consumed yet. */
  readonly mapWindowInputs: number;
  /** A client closes a block of inputs at this many records, so that workers begin early. */
  readonly inputBlockRecordsMax: number;
  /** Runs that share one job before the next one is begun. */
  readonly runBatchInputsMax: number;
  /** The job that runs share is sealed when none came and none is under way for so long. */
  readonly runBatchIdleMs: number;
  /** How long a client tries to reach a hub before it gives up, where it is not told otherwise. */
  readonly connectTimeoutMs: number;
  /** Bytes of inputs that the hub has not yet said are stored. */
  readonly inputBytesUnstoredMax: number;
  /** Bytes of results that a client lets the hub send before it consumes some. */
  readonly resultCreditBytes: number;
  /** Bytes of results that a worker may send before the hub says that they are stored. */
  readonly resultBytesUnackedMax: number;
  /** Bytes that wait in a socket before its owner stops producing. */
  readonly socketBufferBytesMax: number;
  /** Receipts that nobody waits for go out together, at most so much later. */
  readonly receiptDelayMs: number;
  /** Whoever watches a job is told how far it is at most this often. */
  readonly jobNoticeIntervalMs: number;
  /** Inputs and results that a hub keeps in memory besides its journal. */
  readonly blockCacheBytesMax: number;
  /** Bytes that wait to be journalled before the hub stops reading its sockets. */
  readonly appendBytesPendingMax: number;
  /** A unit's inputs travel in parts of about this size. */
  readonly unitPartBytesTarget: number;
  /** What a hub's sockets get to send their last words. */
  readonly hubCloseGraceMs: number;
  /** Results are reported at least this often while a unit runs. */
  readonly progressIntervalMs: number;
  /** Most results in one report of a worker's. */
  readonly reportRecordsMax: number;
  /** Largest frame that an agent takes from its sandbox. */
  readonly sandboxFrameBytesMax: number;
  /** Largest encoding of a result; one that is too large for a frame comes in pieces. */
  readonly valueBytesMax: number;
  /** A sandbox must have loaded its task's code within this time. */
  readonly sandboxLoadTimeoutMs: number;
  /** Idle sandboxes that a worker keeps warm for the tasks that they were started for. */
  readonly sandboxesIdleMax: number;
  /** How long a sandbox stays warm that has nothing to do: so long on its slot, or among the idle ones. */
  readonly sandboxIdleTtlMs: number;
  /** How long a sandbox may go on with what nobody wants any more, to be kept warm where it comes to its end. */
  readonly sandboxLingerMs: number;
  /** How often the resident memory of a sandbox is looked at. */
  readonly memoryWatchIntervalMs: number;
  /** What a sandbox may have resident besides its task's memory: the runtime itself. */
  readonly sandboxBaseBytes: number;
  /** On a worker's machine with no more memory than this, the young heaps of worker and sandboxes stay small. */
  readonly leanMachineBytesMax: number;
  /** Processes and threads that one container may have. */
  readonly containerProcessesMax: number;
  /** The same of all containers that one user of the engine runs. */
  readonly containerUserProcessesMax: number;
  /** Files that a process in a container may have open. */
  readonly containerFilesMax: number;
  /** A container's `/tmp`, which is in its memory. */
  readonly containerTmpBytesMax: number;
  /** An engine of containers must answer within this time. */
  readonly engineAnswerTimeoutMs: number;
  /** An image must have been fetched within this time. */
  readonly imageFetchTimeoutMs: number;
  /** Workers that a hub accepts. */
  readonly workersMax: number;
  /** Clients that a hub accepts. */
  readonly clientsMax: number;
  /** Sockets that a hub holds open, whatever for. */
  readonly connectionsMax: number;
  /** Sockets that a hub holds open for one address (of IPv6, for one network of 64 bits), whatever for. */
  readonly connectionsPerAddressMax: number;
  /** Connections that come with one key at a time. */
  readonly connectionsPerKeyMax: number;
  /** Messages of one connection that a hub reads in a second. */
  readonly framesPerSecondMax: number;
  /** A connection that sends more than it is read for so long is closed. */
  readonly floodMs: number;
  /** What one connection does in a minute that is refused because of a limit or its role. */
  readonly refusalsPerMinuteMax: number;
  /** People, each for each project, whose credit a hub keeps apart. */
  readonly creditRowsMax: number;
  /** The event loop is measured for so long after metrics were read last. */
  readonly metricsIdleMs: number;
  /** Trusted workers are given credit and what is known of people this often, where it changed... */
  readonly accountsIntervalMs: number;
  /** ...of whoever did most, up to this size. */
  readonly accountsBytesMax: number;
  /** How long after it was given credit is stored. */
  readonly creditIntervalMs: number;
  /** Connections whose handshake is under way. */
  readonly handshakesMax: number;
  /** Projects of one hub. */
  readonly projectsMax: number;
  /** Keys of machines that one invite is remembered to have been taken up by. */
  readonly inviteKeysMax: number;
  /** How long a key's person is remembered after the invite has expired that it came with. */
  readonly personKeptMs: number;
  /** A browser that signed in stays so for this long, and no longer than its invite is good. */
  readonly pageSessionMs: number;
  /** A page is told what changed at most this often... */
  readonly liveIntervalMs: number;
  /** ...of at most so many rows of each list. */
  readonly liveRowsMax: number;
  /** Spans that wait for the collector of traces; more are dropped. */
  readonly traceSpansPendingMax: number;
  /** Spans in one request to the collector. */
  readonly traceBatchSpansMax: number;
  /** Spans that are over go to the collector this often. */
  readonly traceIntervalMs: number;
  /** How long the collector may take to answer. */
  readonly traceTimeoutMs: number;
  /** Units of a job that are traced before only every second one is, then every fourth, and so on. */
  readonly traceUnitsPerStep: number;
  /** Things that one client may follow at once. */
  readonly topicsPerClientMax: number;
  /** Jobs that one client may watch at once. */
  readonly watchesPerClientMax: number;
  /** Calls of one client that wait for their answers. */
  readonly callsPerClientMax: number;
  /** Blobs that one peer may store at once. */
  readonly uploadsPerPeerMax: number;
  /** Bytes of blobs that the workers of one invite may store in an hour. */
  readonly uploadBytesPerHourMax: number;
  /** Neighbours that a worker is told of for one blob. */
  readonly neighbourSourcesMax: number;
  /** Blobs that a worker serves to its neighbours at once. */
  readonly neighbourUploadsMax: number;
  /** How long a token for a neighbour's blob is good. */
  readonly neighbourTokenMs: number;
  /** A neighbour from whom nothing comes for so long is given up for this blob. */
  readonly neighbourStallMs: number;
  /** A neighbour that failed is not asked by the same worker again for so long. */
  readonly neighbourRetryMs: number;
  /** How often a worker says where it is, and what its clock says, while its connection lasts. */
  readonly whereaboutsIntervalMs: number;
  /** Workers whose complaints of a neighbour make it serve nobody for a while. */
  readonly neighbourAccusersMax: number;
  /** Blobs that one message of a worker's names. */
  readonly locateBlobsMax: number;
  /** Folders that one worker keeps as replicas. */
  readonly replicasPerWorkerMax: number;
  /** How long a replica's worker may be gone before another one takes its place. */
  readonly replicaGraceMs: number;
  /** After the loss of a hub's disk, how long folders that it does not know stay with the workers that bring them. */
  readonly unknownReplicaGraceMs: number;
  /** A worker that could not keep a folder is not asked for it again for so long; a hub that lacks blocks looks for them this often. */
  readonly replicaRetryMs: number;
  /** Largest signed catalogue of datasets that a hub gives to trusted workers. */
  readonly catalogueBytesMax: number;
  /** Blocks that a hub that recovers asks a worker for at once. */
  readonly uploadBlocksMax: number;
  /** A hub looks at most this often for the blocks that its datasets lack. */
  readonly recoveryIntervalMs: number;
  /** A worker says what it keeps and has dropped at most this often. */
  readonly holdsIntervalMs: number;
  /** Blobs of all workers together of which a hub remembers who keeps them. */
  readonly holdingsMax: number;
  /** Inputs of running jobs of which a hub knows what data they refer to. */
  readonly nearInputsMax: number;
  /** An HTTP request or answer of which nothing moved for so long is given up. */
  readonly httpIdleMs: number;
  /** Largest header of an HTTP request. */
  readonly httpHeaderBytesMax: number;
  /** Slots that one worker may offer. */
  readonly slotsPerWorkerMax: number;
  /** Hubs that one worker may work for at once. */
  readonly hubsPerWorkerMax: number;
  /** How long a slot is kept for the next unit of a hub that has not had its share, of several. */
  readonly shareWaitMs: number;
  /** Slot time that one of several hubs may catch up on the others at most. */
  readonly shareLagMs: number;
  /** Answers to one call (`status`, `workers` …) list at most this many rows. */
  readonly listRowsMax: number;
}
