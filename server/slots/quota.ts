import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Pool } from '../incus/types/storage.ts';

/**
 * Whether the sizes of disks on a pool hold now. btrfs stops counting (and so limiting) when it lost track, which deleting large
 * subvolumes can bring about; everybody may read that from the kernel. True where it cannot be told.
 */
export async function quotaHolds(pool: Pick<Pool, 'name' | 'driver'>): Promise<boolean> {
  return (await accounting(pool)) !== '1';
}

/**
 * Whether a pool accounts for what each of its disks uses. btrfs begins with that when a disk is given a size and does not end it by
 * itself; making and deleting containers then takes several times as long. False where it cannot be told.
 */
export async function accountsForSizes(pool: Pick<Pool, 'name' | 'driver'>): Promise<boolean> {
  return (await accounting(pool)) !== undefined;
}

/** Whether the kernel's accounting of a btrfs is inconsistent ("1") or not ("0"); undefined without one. */
async function accounting(pool: Pick<Pool, 'name' | 'driver'>): Promise<string | undefined> {
  if (pool.driver !== 'btrfs') return undefined;
  const id = await fileSystemId(poolDirectory(pool.name));
  if (id === undefined) return undefined;
  return readFile(`/sys/fs/btrfs/${id}/qgroups/inconsistent`, 'utf8').then(
    text => text.trim(),
    () => undefined,
  );
}

/** How the accounting of a pool is turned off, which takes the sizes of its disks out of force. */
export function accountingOff(pool: string): string {
  return `sudo btrfs quota disable ${poolDirectory(pool)}`;
}

function poolDirectory(pool: string): string {
  return `/var/lib/incus/storage-pools/${pool}`;
}

/** How the size of disks on a pool is made to hold again. */
export function quotaRepair(pool: string): string {
  return `sudo btrfs quota rescan -w ${poolDirectory(pool)}`;
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
