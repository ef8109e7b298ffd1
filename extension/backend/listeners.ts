/** Something that can be let go of. */
export interface Disposable {
  dispose(): void;
}

/** Who wants to hear of one kind of event. */
export class Listeners<T> {
  readonly #all = new Set<(value: T) => void>();

  /** Calls back for each event until it is disposed. */
  readonly event = (listener: (value: T) => void): Disposable => {
    this.#all.add(listener);
    return { dispose: () => void this.#all.delete(listener) };
  };

  fire(value: T): void {
    for (const listener of [...this.#all]) listener(value);
  }
}
