import type { Instance } from '../incus/types/instance.ts';
import type { Slot } from '../protocol/types.ts';
import { describeSlot, type IdentityView, type SlotFacts } from './describe.ts';
import type { StateStore } from './store.ts';

/** Tells whose slot an instance holds; undefined for what is not ours. */
export type Identify = (instance: Instance) => IdentityView | undefined;

/**
 * Puts together what Incus says of each instance and what the backend knows besides, and keeps the store's slots to it.
 * Facts of a container are forgotten when its instance is gone.
 */
export class SlotBoard {
  readonly #store: StateStore;
  readonly #identify: Identify;
  readonly #instances = new Map<string, Instance>();
  readonly #facts = new Map<string, SlotFacts>();
  readonly #provisional = new Map<string, Slot>();

  constructor(store: StateStore, identify: Identify) {
    this.#store = store;
    this.#identify = identify;
  }

  /** The instances that are ours, as last seen. */
  instances(): Instance[] {
    return [...this.#instances.values()];
  }

  instance(container: string): Instance | undefined {
    return this.#instances.get(container);
  }

  facts(container: string): Readonly<SlotFacts> {
    return this.#facts.get(container) ?? {};
  }

  /** What Incus says now of one name; undefined when it is gone. Gives whether it is one of ours. */
  see(name: string, instance: Instance | undefined): boolean {
    const ours = instance !== undefined && this.#identify(instance) !== undefined;
    if (ours) {
      this.#instances.set(name, instance);
      this.#provisional.delete(name);
    } else {
      const known = this.#instances.delete(name);
      if (known) this.#facts.delete(name);
    }
    this.#publish(name);
    return ours;
  }

  /** Everything that Incus has now: what is not in it is gone. */
  seeAll(instances: readonly Instance[]): void {
    const names = new Set(instances.map(i => i.name));
    for (const name of [...this.#instances.keys()]) if (!names.has(name)) this.see(name, undefined);
    for (const instance of instances) this.see(instance.name, instance);
  }

  /** Shows a slot whose instance does not exist yet; it goes with `retract` or when the instance appears. */
  announce(slot: Slot): void {
    this.#provisional.set(slot.container, slot);
    this.#publish(slot.container);
  }

  retract(container: string): void {
    if (!this.#provisional.delete(container)) return;
    if (!this.#instances.has(container)) this.#facts.delete(container);
    this.#publish(container);
  }

  /**
   * Changes what is known of a container; undefined in `change` removes a fact. Of one that is not there nothing is noted: what comes
   * late would be taken for a fact of the next one of that name.
   */
  note(container: string, change: { [K in keyof SlotFacts]?: SlotFacts[K] | undefined }): void {
    if (!this.#instances.has(container) && !this.#provisional.has(container)) return;
    const facts: Record<string, unknown> = { ...this.#facts.get(container) };
    for (const [key, value] of Object.entries(change)) {
      if (value === undefined) delete facts[key];
      else facts[key] = value;
    }
    if (Object.keys(facts).length === 0) this.#facts.delete(container);
    else this.#facts.set(container, facts as SlotFacts);
    this.#publish(container);
  }

  #publish(name: string): void {
    const instance = this.#instances.get(name);
    const identity = instance && this.#identify(instance);
    if (instance !== undefined && identity !== undefined) {
      this.#store.setSlot(name, describeSlot(instance, identity, this.#facts.get(name) ?? {}));
    } else {
      this.#store.setSlot(name, this.#provisional.get(name));
    }
  }
}
