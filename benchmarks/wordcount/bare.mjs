// The references of the row: a process or thread that counts the words of files, without any cluster.
import { readFileSync, writeFileSync } from "node:fs";
import { isMainThread, parentPort, workerData } from "node:worker_threads";

/** The same function as the cluster runs, line by line. */
const splitLine = (line, emit) => {
  for (const word of line.split(" ")) if (word) emit(word, 1);
};

function countLines(files) {
  const counts = new Map();
  const emit = (word, n) => counts.set(word, (counts.get(word) ?? 0) + n);
  for (const file of files) {
    for (const line of readFileSync(file, "utf8").split("\n")) {
      splitLine(line.endsWith("\r") ? line.slice(0, -1) : line, emit);
    }
  }
  return counts;
}

const isSeparator = new Uint8Array(256);
for (const byte of [32, 10, 13]) isSeparator[byte] = 1;

/** Open addressing over the bytes themselves; a text is made once a different word. */
function countBytes(files) {
  let capacity = 1 << 16;
  let slots = new Int32Array(capacity);
  let hashes = new Int32Array(capacity);
  const starts = [];
  const lengths = [];
  const counts = [];
  let words = Buffer.alloc(1 << 20);
  let used = 0;
  const grow = () => {
    capacity *= 2;
    const [before, beforeHashes] = [slots, hashes];
    slots = new Int32Array(capacity);
    hashes = new Int32Array(capacity);
    for (let at = 0; at < before.length; at++) {
      if (before[at] === 0) continue;
      let slot = beforeHashes[at] & (capacity - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (capacity - 1);
      slots[slot] = before[at];
      hashes[slot] = beforeHashes[at];
    }
  };
  const add = (bytes, start, end, hash) => {
    let slot = hash & (capacity - 1);
    for (let entry = slots[slot]; entry !== 0; entry = slots[slot]) {
      if (hashes[slot] === hash && lengths[entry - 1] === end - start) {
        const from = starts[entry - 1];
        let at = 0;
        while (at < end - start && words[from + at] === bytes[start + at]) at++;
        if (at === end - start) {
          counts[entry - 1]++;
          return;
        }
      }
      slot = (slot + 1) & (capacity - 1);
    }
    if (used + end - start > words.length) words = Buffer.concat([words, Buffer.alloc(words.length)]);
    words.set(bytes.subarray(start, end), used);
    starts.push(used);
    lengths.push(end - start);
    used += end - start;
    slots[slot] = counts.push(1);
    hashes[slot] = hash;
    if (counts.length * 2 > capacity) grow();
  };
  for (const file of files) {
    const bytes = readFileSync(file);
    let start = 0;
    let hash = 0x811c9dc5;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at];
      if (isSeparator[byte] === 0) hash = Math.imul(hash ^ byte, 0x01000193);
      else {
        if (at > start) add(bytes, start, at, hash ^ (hash >>> 15));
        start = at + 1;
        hash = 0x811c9dc5;
      }
    }
    if (bytes.length > start) add(bytes, start, bytes.length, hash ^ (hash >>> 15));
  }
  return new Map(
    counts.map((count, at) => [words.toString("utf8", starts[at], starts[at] + lengths[at]), count]),
  );
}

if (isMainThread) {
  const [how, ...files] = process.argv.slice(2);
  const counts = how === "bytes" ? countBytes(files) : countLines(files);
  writeFileSync(1, JSON.stringify([...counts]));
} else parentPort.postMessage(countBytes(workerData));
