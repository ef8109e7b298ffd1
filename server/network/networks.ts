import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, isCancelled, messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Incus } from '../incus/client.ts';
import type { Instance } from '../incus/types/instance.ts';
import { AddressBook, type Bridge, bridgeOf } from './bridge.ts';
import { BridgeReader } from './bridge-reader.ts';
import { changeNetwork, placeOf } from './change.ts';
import { instanceName, tableName } from './hook.ts';
import { bare, checkPolicy, type NetworkOptions, planNetwork } from './plan.ts';
import { type Resolve, resolveOnHost } from './proxy/dial.ts';
import { SlotProxy } from './proxy/proxy.ts';
import { PROXY_DEVICE, proxyDevice, proxyEnvironment, startRelay } from './proxy/relay.ts';
import { POLICY_KEY, recordedPolicy } from './record.ts';
import { type Blocked, parseRefused } from './refused.ts';
import { rulesOf } from './rules.ts';
import { nftAsRoot } from './run-as-root.ts';
import type { NetworkPlan, Policy } from './types.ts';
import { cableOf, inForce, type Verified } from './verify.ts';

/** What is seen of the network of a container. */
export interface Seen {
  policy: Policy;
  verified: Verified;
  blocked: Blocked[];
}

/** The networks of the slots of one Incus, with the proxies of those that reach only what is named. */
export class SlotNetworks {
  readonly #incus: Incus;
  readonly #log: Log;
  readonly #home: string;
  readonly #book = new AddressBook();
  readonly #bridge: BridgeReader;
  readonly #proxies = new Map<string, Promise<SlotProxy>>();
  readonly #up = new Set<string>();
  readonly #resolve: Resolve;

  /** `home`: where the sockets of the proxies are, below `.coi/run`. */
  constructor(incus: Incus, log: Log, home: string, resolve: Resolve = resolveOnHost) {
    this.#resolve = resolve;
    this.#incus = incus;
    this.#bridge = new BridgeReader(incus);
    this.#log = log;
    this.#home = home;
  }

  /** See `BridgeReader`. What it says is good for one plan. */
  bridge(signal?: AbortSignal): Promise<Bridge> {
    return this.#bridge.read(signal);
  }

  /** See `planNetwork`. A slot with an allow-list gets a proxy besides, by which it reaches names. */
  async plan(options: NetworkOptions, signal?: AbortSignal): Promise<NetworkPlan> {
    const plan = await planNetwork(this.#incus, this.#book, options, signal);
    const { container, policy } = options;
    if (policy.mode !== 'allowlist') return plan;
    const device = proxyDevice(this.#directory(container));
    return {
      ...plan,
      fragment: { ...plan.fragment, devices: { ...plan.fragment.devices, [PROXY_DEVICE]: device } },
      environment: proxyEnvironment(),
      prepare: async () => void (await this.#serve(container, policy)),
      started: async signal => startRelay(this.#incus, container, signal),
      release: () => this.#end(container),
    };
  }

  /**
   * See `changeNetwork`. Programs that run inside keep the proxy that they were started with, and it follows the policy. A running slot that has none
   * gets one when it is to reach only what is named; `proxyAdded` tells that what runs in it does not know of it.
   */
  async change(
    container: string,
    change: Partial<Policy>,
    signal?: AbortSignal,
  ): Promise<{ policy: Policy; proxyAdded: boolean }> {
    const proxyAdded = change.mode === 'allowlist' && (await this.#addProxy(container, change, signal));
    const policy = await changeNetwork(this.#incus, container, change, signal);
    const proxy = await this.#proxies.get(container);
    if (proxy !== undefined) {
      proxy.policy = policy;
      proxy.cut();
    }
    return { policy, proxyAdded };
  }

  /** Before the rules change: the way is there when it is the only one, and what fails leaves all as it was. */
  async #addProxy(container: string, change: Partial<Policy>, signal?: AbortSignal): Promise<boolean> {
    const instance = (await this.#incus.instance(container, signal))?.instance;
    const before = recordedPolicy(instance?.config[POLICY_KEY]);
    if (instance === undefined || before === undefined || hasProxy(instance)) return false;
    if (instance.frozen) throw paused(container);
    if (!instance.running) return false;
    const policy = { ...before, ...change };
    checkPolicy(policy);
    await this.#serve(container, policy);
    try {
      const devices = { [PROXY_DEVICE]: proxyDevice(this.#directory(container)) };
      await this.#incus.patchInstance(container, { devices }, signal === undefined ? {} : { signal });
      await startRelay(this.#incus, container, signal);
    } catch (error) {
      await this.#removeProxy(container);
      throw error;
    }
    return true;
  }

  async #removeProxy(container: string): Promise<void> {
    await this.#incus.putInstance(container, current => {
      const { [PROXY_DEVICE]: _, ...devices } = current.devices;
      return { ...current, devices };
    });
    await this.#end(container);
  }

  /** The network that a running container has, whatever configuration says now: for a start of its agent alone. Undefined for one without rules of ours. */
  live(instance: Instance): NetworkPlan | undefined {
    const policy = recordedPolicy(instance.config[POLICY_KEY]);
    if (policy === undefined) return undefined;
    if (!hasProxy(instance)) return bare(policy);
    return {
      ...bare(policy),
      environment: proxyEnvironment(),
      started: signal => startRelay(this.#incus, instance.name, signal),
    };
  }

  /**
   * What a container may reach, whether the kernel's rules of now say the same, and what it asked for and did not get: names since the backend runs,
   * and addresses. All of it as seen from the host. About 0.2 s. Undefined for a container without rules of ours.
   */
  async look(instance: Instance, signal?: AbortSignal): Promise<Seen | undefined> {
    const policy = recordedPolicy(instance.config[POLICY_KEY]);
    const place = await placeOf(this.#incus, instance, signal);
    if (policy === undefined || place === undefined) return undefined;
    const names = (await this.#proxies.get(instance.name))?.blocked() ?? [];
    if (policy.mode === 'open' || !(instance.running || instance.frozen))
      return { policy, verified: 'unknown', blocked: names };
    const table = await this.#table(instance, signal);
    if (table === undefined) return { policy, verified: 'unknown', blocked: names };
    const cable = cableOf(instance);
    const verified = cable === undefined ? 'open' : inForce(table, rulesOf(policy, place), cable);
    if (verified !== 'held') this.#log.warn(`The rules of ${instance.name} are not those of its policy:\n${table}`);
    return { policy, verified, blocked: [...names, ...parseRefused(table)] };
  }

  /** The kernel's rules for a container: none is an empty text. Undefined where they cannot be looked at. */
  async #table(instance: Instance, signal?: AbortSignal): Promise<string | undefined> {
    const name = tableName(instanceName(instance.name, this.#incus.target.project));
    const pool = instance.expandedDevices.root?.pool ?? 'default';
    try {
      return await nftAsRoot(this.#incus, pool, [`list table netdev ${name}`], signal);
    } catch (error) {
      if (isCancelled(error)) throw error;
      if (error instanceof Failure && /No such file or directory/.test(error.message)) return '';
      this.#log.warn(`The rules of ${instance.name} cannot be looked at: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** Takes notice of a container as it is now: whoever has a proxy device and runs is served, also after a new start of the backend. */
  see(container: string, instance: Instance | undefined): void {
    const up = instance !== undefined && (instance.running || instance.frozen);
    const policy = recordedPolicy(instance?.config[POLICY_KEY]);
    this.#up.delete(container);
    if (up && policy !== undefined && hasProxy(instance)) {
      this.#up.add(container);
      this.#serve(container, policy).catch(error => this.#log.error(`No proxy for ${container}: ${messageOf(error)}`));
    } else if (instance === undefined && this.#proxies.has(container)) {
      this.#end(container).catch(error => this.#log.error(`The proxy of ${container} stays: ${messageOf(error)}`));
    }
  }

  /** Slots with a proxy need the backend. */
  duties(): string[] {
    return this.#up.size === 0 ? [] : ['network'];
  }

  async close(): Promise<void> {
    const proxies = await Promise.allSettled(this.#proxies.values());
    await Promise.all(proxies.map(one => (one.status === 'fulfilled' ? one.value.close() : undefined)));
  }

  async #serve(container: string, policy: Policy): Promise<SlotProxy> {
    const before = this.#proxies.get(container);
    if (before !== undefined) {
      const proxy = await before;
      proxy.policy = policy;
      return proxy;
    }
    const served = this.#listen(container, policy);
    this.#proxies.set(container, served);
    served.catch(() => this.#proxies.delete(container));
    return served;
  }

  async #listen(container: string, policy: Policy): Promise<SlotProxy> {
    const { subnet } = await bridgeOf(this.#incus);
    const proxy = new SlotProxy(policy, this.#log, this.#resolve, subnet === undefined ? [] : [subnet]);
    await proxy.listen(this.#directory(container));
    return proxy;
  }

  async #end(container: string): Promise<void> {
    const proxy = await this.#proxies.get(container)?.catch(() => undefined);
    this.#proxies.delete(container);
    await proxy?.close();
    await rm(this.#directory(container), { recursive: true, force: true });
  }

  #directory(container: string): string {
    return join(this.#home, '.coi', 'run', 'network', instanceName(container, this.#incus.target.project));
  }
}

function hasProxy(instance: Instance): boolean {
  return instance.devices[PROXY_DEVICE] !== undefined;
}

function paused(container: string): Failure {
  return new Failure('conflict', `The way to the allowed hosts cannot be made in ${container}, which is paused.`, {
    hint: 'Unpause the slot first.',
  });
}
