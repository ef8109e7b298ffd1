import { execFileSync } from 'node:child_process';
import type { TestContext } from 'node:test';
import type { Incus } from '../../server/incus/client.ts';
import { until } from '../incus/support.ts';
import type { Table } from './table.ts';

/** Who attacks: root inside, or the user that the agent runs as. */
export type Attacker = 'root' | 'code';

/** One attack: what somebody in the container does. */
export interface Attack {
  name: string;
  /** For `/bin/sh`, with what the place puts before every script. Its exit code does not count. */
  script: string;
  /** Default both. */
  as?: readonly Attacker[];
  /** Has an effect where nothing is protected, so that a control can show it. Default yes. */
  control?: boolean;
}

/** Where attacks are run, and how it is seen from the host what they did. */
export interface Battlefield {
  /** Runs a script inside and gives everything that it wrote. */
  run(script: string, as: Attacker): Promise<string>;
  /** What is not as it was, seen from the host; undefined if nothing. `output` is what the attack wrote. */
  broken(output: string): Promise<string | undefined>;
  /** Makes everything as it was before an attack, for those that work. */
  restore?(): Promise<void>;
}

/** Runs every attack as everybody who may run it; each is a test of its own and a line of the table. */
export async function attackAll(
  t: TestContext,
  table: Table,
  field: Battlefield,
  attacks: readonly Attack[],
): Promise<void> {
  for (const attack of attacks)
    for (const as of attack.as ?? (['root', 'code'] as const))
      await t.test(`${attack.name}, as ${as}`, async () => {
        table.held(attack.name, as, await field.broken(await field.run(attack.script, as)));
      });
}

/** Runs the attacks where nothing is protected: each has to work, or it proves nothing elsewhere. */
export async function controlAll(
  t: TestContext,
  table: Table,
  field: Battlefield,
  attacks: readonly Attack[],
): Promise<void> {
  for (const attack of attacks.filter(one => one.control !== false)) {
    const as = attack.as?.[0] ?? 'root';
    await t.test(`control: ${attack.name}, as ${as}`, async () => {
      const output = await field.run(attack.script, as);
      // What it does may show a moment after it has ended.
      const broken = until('it shows', () => field.broken(output), 10_000).catch(() => undefined);
      table.control(attack.name, as, await broken);
      await field.restore?.();
    });
  }
}

/**
 * Runs the hooks of an end of a container that runs, as LXC does when an earlier start of it ends late: by another process than the one
 * that keeps the container now.
 */
export async function lateHooks(incus: Incus, container: string): Promise<void> {
  const raw = (await incus.instance(container))?.instance.config['raw.lxc'] ?? '';
  const env = { PATH: process.env.PATH ?? '', LXC_NAME: container };
  for (const [, kind, command] of raw.matchAll(/^lxc\.hook\.((?:post-)?stop) = (.*)$/gm))
    execFileSync('/bin/sh', ['-c', `exec ${command} lxc ${container} ${kind}`], { env });
}
