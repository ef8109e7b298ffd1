import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Pool } from '../incus/types.ts';

/**
 * Whether the sizes of disks on a pool hold now. btrfs stops counting (and so limiting) when it lost track, which deleting large
 * subvolumes can bring about; everybody may read that from the kernel. True where it cannot be told.
 */
export async function quotaHolds(pool: Pick<Pool, 'name' | 'driver'>): Promise<boolean> {
  if (pool.driver !== 'btrfs') return true;
  const id = await fileSystemId(`/var/lib/incus/storage-pools/${pool.name}`);
  const text =
    id === undefined ? '' : await readFile(`/sys/fs/btrfs/${id}/qgroups/inconsistent`, 'utf8').catch(() => '');
  return text.trim() !== '1';
}

/** How the size of disks on a pool is made to hold again. */
export function quotaRepair(pool: string): string {
  return `sudo btrfs quota rescan -w /var/lib/incus/storage-pools/${pool}`;
}

/** The id of the btrfs that is mounted there, by its device. */
async function fileSystemId(point: string): Promise<string | undefined> {
  const table = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  const line = table.split('\n').find(one => one.split(' ')[4] === point);
  const device = line?.split(' - ')[1]?.split(' ')[1];
  if (device === undefined) return undefined;
  for (const id of await readdir('/sys/fs/btrfs').catch((): string[] => [])) {
    const devices = await readdir(`/sys/fs/btrfs/${id}/devices`).catch((): string[] => []);
    if (devices.includes(basename(device))) return id;
  }
  return undefined;
}
