import { chown, mkdtemp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NetworkMode } from '../../server/protocol/types.ts';
import { createSetting, type Setting } from './setting.ts';
import { median, paired, print, spread, timed } from './table.ts';

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

/** The same openings with nobody else, beside fifty slots that run, and with nobody again. */
async function benchCrowd(setting: Setting): Promise<void> {
  const alone = await several(setting);
  const crowd: string[] = [];
  try {
    for (let i = 0; i < FOLDERS; i++) {
      const workspace = await mkdtemp(join(dirname(setting.workspace), 'crowd-'));
      if (process.getuid?.() === 0) await chown(workspace, 1000, 1000);
      for (let n = 0; n < SLOTS_EACH; n++)
        crowd.push((await setting.backend.call('slot/open', { workspace, agent: 'shell' })).container);
    }
    await setting.backend.call('slot/exec', {
      container: crowd.at(-1) ?? '',
      user: 'root',
      argv: ['systemctl', 'is-system-running', '--wait'],
    });
    const beside = await several(setting);
    for (const container of crowd.splice(0)) await setting.backend.call('slot/kill', { container });
    const again = await several(setting);
    const base = [...alone, ...again];
    print({
      what: `open beside ${FOLDERS * SLOTS_EACH} slots / alone`,
      value: median(beside) / median(base),
      unit: '×',
      bar: 1.1,
      detail: `${spread(beside)} / ${spread(base)}`,
    });
  } finally {
    for (const container of crowd) await setting.backend.call('slot/kill', { container });
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
