/** How far V8 lets the young part of its heap grow, where all objects begin. */
export { keepHeapLean, leanForNow, withLeanHeap } from "./lean-heap.ts";
