import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Incus } from '../../../server/incus/client.ts';

/** What slots that are gone left on the host, besides the records of their sessions: each in a few words. */
export async function leftovers(
  incus: Incus,
  home: string,
  slots: readonly { container: string; workspace: string }[],
): Promise<string[]> {
  const left: string[] = [];
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  const tables = execFileSync('nft', ['list', 'tables'], { encoding: 'utf8' }).split('\n');
  for (const { container, workspace } of slots) {
    if ((await incus.instance(container)) !== undefined) left.push(`the container ${container}`);
    if (mounts.includes(container) || mounts.includes(`${workspace} `)) left.push(`a mount of ${container}`);
    if (tables.some(line => line.endsWith(`incus-agents-${container}`))) left.push(`rules of ${container}`);
    const files = [
      ...['live', 'lost'].map(place => `/var/lib/incus-agents/protect/${place}/${container}`),
      ...['failed', 'network', 'userns'].map(place => `/run/incus-agents/${place}/${container}`),
      `${home}/.coi/run/network/${container}`,
    ];
    left.push(...files.filter(existsSync));
    left.push(...readdirSync(workspace).map(name => `${workspace}/${name}`));
    const flags = execFileSync('lsattr', ['-Rad', workspace], { encoding: 'utf8' });
    if (/^[-A-Za-z]*[ia][-A-Za-z]* \//m.test(flags)) left.push(`a flag in ${workspace}`);
  }
  return left;
}
