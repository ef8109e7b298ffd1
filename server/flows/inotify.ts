import { readFile } from 'node:fs/promises';

/**
 * Watchers that the host has to allow for 50 slots: the system in each takes about eight, and the kernel counts those of all
 * containers together, as root's, whatever ids the containers have.
 */
export const INOTIFY_NEEDED = 1024;

/** What the host allows; undefined where that cannot be told. */
export async function inotifyInstances(): Promise<number | undefined> {
  const text = await readFile('/proc/sys/fs/inotify/max_user_instances', 'utf8').catch(() => '');
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? undefined : value;
}

/** The command that raises it, now and after a reboot. */
export const INOTIFY_FIX = `echo fs.inotify.max_user_instances=${INOTIFY_NEEDED} | sudo tee /etc/sysctl.d/60-incus-agents.conf && sudo sysctl --system`;
