import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { quote } from '../../base/shell.ts';
import type { Incus } from '../../incus/client.ts';
import { UNPLUG } from '../../incus/refused-start.ts';
import { sweepCommand } from './hooks.ts';
import { STATE_DIRECTORY } from './places.ts';

/** What is left of slots whose end was not seen: the host crashed, or the process that kept the container was killed. */
export interface StaleProtection {
  /** Instances whose flags and placeholders can be cleared. */
  stale: string[];
  /** Directories whose flags could not be cleared, since they are not any more where they were. */
  lost: string[];
}

/** Names of the instances that only exist to clear up. */
const SWEEPER = 'incus-agents-sweep-';
/** Age (ms) that none reaches whose backend lives. */
const YOUNG_MS = 60_000;

/** Looks for leftovers; reads a few small files and asks nobody. */
export async function staleProtection(): Promise<StaleProtection> {
  const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const stale: string[] = [];
  for (const name of await names('live')) {
    const [first = ''] = (await readEntry(`live/${name}`)).split('\n');
    if (!(await isKept(first, boot))) stale.push(name);
  }
  const lost = new Set<string>();
  for (const name of await names('lost'))
    for (const match of (await readEntry(`lost/${name}`)).matchAll(/^root \S+ (.+)$/gm)) lost.add(match[1] ?? '');
  return { stale, lost: [...lost] };
}

/**
 * Clears leftovers, as root but without sudo: by the hook of an instance without content, whose start the hook ends. Gives what is
 * left now. Fails as Incus does; there is nothing to do most of the time, and then Incus is not asked.
 */
export async function clearStale(incus: Incus): Promise<StaleProtection> {
  const found = await staleProtection();
  if (found.stale.length === 0) return found;
  for (const old of await oldSweepers(incus)) await incus.deleteInstance(old);
  const name = `${SWEEPER}${randomBytes(4).toString('hex')}`;
  const refuse = `/bin/sh -c ${quote(`${UNPLUG}; exit 1`)}`;
  const config = { 'raw.lxc': `lxc.hook.pre-start = ${sweepCommand('')}\nlxc.hook.pre-start = ${refuse}` };
  const body = { name, type: 'container', source: { type: 'none' }, config };
  const { operation } = await incus.request('POST', '/1.0/instances', body, { what: 'Clearing protections' });
  if (operation !== undefined) await incus.wait(operation);
  try {
    // The hook refuses the start, so that nothing ever runs in it.
    await incus.setState(name, 'start').catch(() => undefined);
  } finally {
    await incus.deleteInstance(name);
  }
  return staleProtection();
}

/** Names of those that a backend left behind when it was killed; a young one may be another backend's that is about to start. */
export async function oldSweepers(incus: Incus, now = Date.now()): Promise<string[]> {
  const all = await incus.instances();
  return all
    .filter(
      ({ name, running, createdAt }) => name.startsWith(SWEEPER) && !running && Date.parse(createdAt) < now - YOUNG_MS,
    )
    .map(({ name }) => name);
}

async function names(directory: string): Promise<string[]> {
  return readdir(`${STATE_DIRECTORY}/${directory}`).catch(() => []);
}

/** An entry that goes away meanwhile is none. */
async function readEntry(path: string): Promise<string> {
  return readFile(`${STATE_DIRECTORY}/${path}`, 'utf8').catch(() => '');
}

/** Whether the process that keeps the container is still the one that the entry names. */
async function isKept(first: string, boot: string): Promise<boolean> {
  const [at, pid = '', start] = first.split(' ');
  if (at === '') return true;
  if (at !== boot || !/^\d+$/.test(pid)) return false;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return !/^[ZX]?$/.test(fields[0] ?? '') && fields[19] === start;
}
