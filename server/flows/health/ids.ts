import { appendFile, readFile } from 'node:fs/promises';
import { Failure } from '../../base/errors.ts';
import type { Check } from './check.ts';

const FILES = ['/etc/subuid', '/etc/subgid'] as const;

/** The daemon maps the user's own id into containers only when these files allow it. */
export const userMapping: Check = {
  id: 'user.id-mapping',
  group: 'user',
  needsIncus: false,
  async run(deps) {
    if (deps.uid === 0)
      return { status: 'ok', message: 'Folders of root are mapped by the kernel, without entries in subuid.' };
    const missing = await missingFiles(deps.uid);
    if (missing.length === 0) return { status: 'ok', message: `Your id ${deps.uid} can be mapped into containers.` };
    return {
      status: 'failed',
      message: `Your id ${deps.uid} cannot be mapped into containers: ${missing.join(' and ')} lack${missing.length === 1 ? 's' : ''} the line root:${deps.uid}:1.`,
      fix: { title: 'Add the lines', command: `echo root:${deps.uid}:1 | sudo tee -a ${missing.join(' ')}` },
    };
  },
  async mend(deps) {
    const missing = await missingFiles(deps.uid);
    if (process.getuid?.() !== 0) {
      throw new Failure('permission', `Only root may change ${missing.join(' and ')}.`, {
        hint: `Run: echo root:${deps.uid}:1 | sudo tee -a ${missing.join(' ')}`,
      });
    }
    for (const file of missing) await appendFile(file, `root:${deps.uid}:1\n`);
  },
};

async function missingFiles(id: number): Promise<string[]> {
  const missing: string[] = [];
  for (const file of FILES) if (!covers(await readFile(file, 'utf8').catch(() => ''), id)) missing.push(file);
  return missing;
}

function covers(text: string, id: number): boolean {
  return text.split('\n').some(line => {
    const [name, first, count] = line.split(':');
    if (name !== 'root' && name !== '0') return false;
    return id >= Number(first) && id < Number(first) + Number(count);
  });
}
