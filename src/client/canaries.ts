import { answerDigest } from "../data/index.ts";
import {
  type CanarySpec,
  encodeValue,
  type Limits,
  MusketeersError,
  packRecords,
  toMusketeersError,
} from "../protocol/index.ts";

/** An input of which the submitter knows the answer. */
export interface Canary {
  readonly input: unknown;
  readonly value: unknown;
}

const bad = (message: string, hint: string): MusketeersError =>
  new MusketeersError("BAD_ARGUMENT", message, { hint });

/**
 * Canaries as they travel: of the answers only digests.
 * @throws MusketeersError `BAD_ARGUMENT`
 */
export function canarySpec(
  canaries: readonly Canary[] | undefined,
  limits: Limits,
): { canaries?: CanarySpec } {
  if (canaries === undefined || canaries.length === 0) return {};
  if (canaries.length > limits.canariesMax) {
    throw bad(
      `canaries: ${canaries.length} are more than canariesMax, which is ${limits.canariesMax}`,
      "Pass fewer.",
    );
  }
  const inputs = packRecords(canaries.map(({ input }, at) => encoded(`canaries[${at}].input`, input)));
  if (inputs.length > limits.canaryBytesMax) {
    throw bad(
      `canaries: ${inputs.length} bytes are more than canaryBytesMax`,
      "Choose smaller inputs, or fewer.",
    );
  }
  const answers = canaries.map(({ value }, at) => answerDigest(encoded(`canaries[${at}].value`, value)));
  return { canaries: { inputs, answers } };
}

function encoded(name: string, value: unknown): Uint8Array {
  try {
    return encodeValue(value);
  } catch (error) {
    throw bad(`${name}: ${toMusketeersError(error).message}`, "Inputs and answers are data.");
  }
}
