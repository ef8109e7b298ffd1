import { once } from 'node:events';
import type { Incus } from '../incus/client.ts';
import type { Instance } from '../incus/types/instance.ts';

/** Milliseconds after which asking inside is given up. */
const ASK_MS = 5000;

const NOBODY = 65534;

/** Writes 64 KiB where every user may. Whatever else keeps it from that, such as a lack of memory, is no full disk. */
const TRY = [
  'export LC_ALL=C',
  'try() { f=$2/.incus-agents-try-$$; head -c 65536 /dev/zero 2>&1 >$f | grep -qiE "no space|quota" && echo $1; rm -f $f; }',
  '{ try disk /var/tmp; try tmp /tmp; } 2>/dev/null',
].join('\n');

/** Where nothing can be written in a slot; `stuck` when nothing could be run there. */
export type Full = ('disk' | 'tmp')[] | 'stuck';

/**
 * Tries where something can be written, which is true of every kind of pool, also of files that run out. What comes from inside
 * can at most make a wrong warning. Never fails.
 */
export async function fullPlaces(incus: Incus, { name, running }: Instance): Promise<Full> {
  if (!running) return [];
  const signal = AbortSignal.timeout(ASK_MS);
  // Ending it may take as long again, for which nobody has to wait.
  const late = once(signal, 'abort').then(() => 'stuck' as const);
  return Promise.race([tryInside(incus, name, signal), late]);
}

async function tryInside(incus: Incus, name: string, signal: AbortSignal): Promise<Full> {
  try {
    const o = { user: NOBODY, group: NOBODY, signal, limit: 64 };
    const { stdout } = await incus.exec(name, ['/bin/sh', '-c', TRY], o);
    const found = stdout.toString('utf8').split('\n');
    if (found.includes('disk')) return ['disk'];
    return found.includes('tmp') ? ['tmp'] : [];
  } catch {
    return 'stuck';
  }
}
