import { execFile } from 'node:child_process';
import { chown, mkdtemp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { tableName } from '../../server/network/hook.ts';
import type { NetworkMode } from '../../server/protocol/types.ts';
import { createSetting, type Setting } from './setting.ts';
import { median, paired, print, spread, timed } from './table.ts';

const run = promisify(execFile);

/** What the protected paths and the restricted network are given up by. */
const WITHOUT = '[security]\nprotection = "off"\n[network]\nmode = "open"\n';

const FOLDERS = 5;
const SLOTS_EACH = 10;

/** What isolation costs: at the opening of a slot, at a change of policy, and with the rules of many slots in force. */
export async function benchIsolation(setting: Setting): Promise<void> {
  await benchProtections(setting);
  await benchChange(setting);
  await benchCrowd(setting);
}

async function benchProtections(setting: Setting): Promise<void> {
  const without = await createSetting(WITHOUT);
  try {
    const { a, b } = await paired(
      15,
      () => open(setting),
      () => open(without),
    );
    print({
      what: 'open with all protections, restricted / without',
      value: median(a) / median(b),
      unit: '×',
      bar: 1.15,
      detail: `${spread(a)} / ${spread(b)}`,
    });
  } finally {
    await without.end();
  }
}

async function benchChange({ backend, workspace }: Setting): Promise<void> {
  const { container } = await backend.call('slot/open', { workspace, agent: 'shell' });
  const times: number[] = [];
  for (const mode of ['open', 'restricted', 'open', 'restricted', 'open', 'restricted'] satisfies NetworkMode[])
    times.push(await timed(() => backend.call('slot/configure', { container, network: { mode } })));
  await backend.call('slot/kill', { container });
  print({
    what: 'change of network policy → in force',
    value: Math.max(...times),
    unit: ' ms',
    bar: 1000,
    detail: spread(times),
  });
}

/**
 * The same openings beside fifty slots that run, and beside them without their rules. What fifty more containers cost by themselves,
 * mostly in Incus, which looks for ids and addresses that none of them has, shows in the times alone.
 */
async function benchCrowd(setting: Setting): Promise<void> {
  const { backend, workspace } = setting;
  const alone = await several(setting);
  const crowd: string[] = [];
  try {
    for (let i = 0; i < FOLDERS; i++) {
      const folder = await mkdtemp(join(dirname(workspace), 'crowd-'));
      if (process.getuid?.() === 0) await chown(folder, 1000, 1000);
      for (let n = 0; n < SLOTS_EACH; n++)
        crowd.push((await backend.call('slot/open', { workspace: folder, agent: 'shell' })).container);
    }
    const booted = ['systemctl', 'is-system-running', '--wait'];
    for (const container of crowd) await backend.call('slot/exec', { container, user: 'root', argv: booted });
    const beside = await several(setting);
    for (const container of crowd) await run('nft', ['delete', 'table', 'netdev', tableName(container)]);
    const without = await several(setting);
    print({
      what: `open beside ${crowd.length} slots / without their rules`,
      value: median(beside) / median(without),
      unit: '×',
      bar: 1.1,
      detail: `${spread(beside)} / ${spread(without)}; alone ${spread(alone)}`,
    });
  } finally {
    for (const container of crowd) await backend.call('slot/kill', { container });
  }
}

async function several(setting: Setting): Promise<number[]> {
  const times: number[] = [];
  await open(setting);
  for (let i = 0; i < 7; i++) times.push(await open(setting));
  return times;
}

async function open({ backend, workspace }: Setting): Promise<number> {
  const start = performance.now();
  const { container } = await backend.call('slot/open', { workspace, agent: 'shell' });
  const took = performance.now() - start;
  await backend.call('slot/kill', { container });
  return took;
}
