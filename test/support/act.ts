import fc from "fast-check";

/** Something that may happen in a random test: its type, and what belongs to it. */
export const act = <T extends string, A extends Record<string, fc.Arbitrary<unknown>>>(type: T, fields: A) =>
  fc.record({ type: fc.constant(type), ...fields }) as fc.Arbitrary<
    { type: T } & { [F in keyof A]: A[F] extends fc.Arbitrary<infer V> ? V : never }
  >;
