/** How often people were right at most, all answers counted that turned out to be so. */
export class Confidence {
  readonly #times = new Map<string, number>();

  of(person: string): number {
    return this.#times.get(person) ?? 0;
  }

  add(person: string): void {
    this.#times.set(person, this.of(person) + 1);
  }
}
