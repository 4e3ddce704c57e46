import { decodeValue, eachRecord, encodeValue, packRecords } from "../../src/protocol/index.ts";

/* What the volunteers are asked, and what is right. The inputs are whole numbers. */

export type Answer = number;

const MIX = 2_654_435_761;

/** The right answer: quick, and different for every input. */
export const rightAnswer = (input: number): Answer => Math.imul(input + 1, MIX) >>> 0;

/** What those who collude from the start say: plausible, equal, and wrong. */
export const colludersLie = (input: number): Answer => (rightAnswer(input) ^ 1) >>> 0;

/** What the sleepers say when they have woken. */
export const sleepersLie = (input: number): Answer => (rightAnswer(input) ^ 2) >>> 0;

/** A wrong answer that nobody else gives: never right by chance, and no gang's. */
export const ownLie = (input: number, draw: number): Answer => (rightAnswer(input) ^ (4 + draw)) >>> 0;

/** The answers in the body of a message. */
export function answersIn(body: Uint8Array): unknown[] {
  return [...eachRecord(body)].map(decodeValue);
}

export const pack = (values: readonly unknown[]): Uint8Array => packRecords(values.map(encodeValue));
