import type { Incus } from '../incus/client.ts';
import { AddressBook } from './bridge.ts';
import { changeNetwork } from './change.ts';
import { type NetworkOptions, planNetwork } from './plan.ts';
import type { NetworkPlan, Policy } from './types.ts';

/** The networks of the slots of one Incus. */
export class SlotNetworks {
  readonly #incus: Incus;
  readonly #book = new AddressBook();

  constructor(incus: Incus) {
    this.#incus = incus;
  }

  /** See `planNetwork`. */
  plan(options: NetworkOptions, signal?: AbortSignal): Promise<NetworkPlan> {
    return planNetwork(this.#incus, this.#book, options, signal);
  }

  /** See `changeNetwork`. */
  change(container: string, change: Partial<Policy>, signal?: AbortSignal): Promise<Policy> {
    return changeNetwork(this.#incus, container, change, signal);
  }
}
