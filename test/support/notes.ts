import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where hooks leave why they refused a start. What is there is root's, and goes with the next start of that name or with a reboot. */
const PLACES = ['failed', 'network', 'mounts'].map(place => join('/run/incus-agents', place));

/** Removes the notes on containers of the test's own, by the beginning of their names on the host. Only root may. */
export function removeNotes(beginning: string): void {
  if (process.getuid?.() !== 0) return;
  for (const place of PLACES.filter(existsSync))
    for (const name of readdirSync(place)) if (name.startsWith(beginning)) rmSync(join(place, name), { force: true });
}
