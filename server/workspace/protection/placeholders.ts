import { mkdir, open, rmdir, unlink } from 'node:fs/promises';
import { readUntrusted } from '../../base/files.ts';
import { lookBeneath } from './beneath.ts';
import type { Tree } from './types.ts';

/** What the weaker mode without hooks makes where there is nothing, since a device needs something to lie over. */
export interface Placeholder {
  kind: 'dir' | 'file';
  content: '' | '{}';
  /** Directory of the host that it lies in, and its path there. */
  source: string;
  path: string;
}

const TAB = '\t';

/** What is not there of the paths of these trees, outermost first. */
export async function absentOf(trees: readonly Tree[]): Promise<Placeholder[]> {
  const found = new Map<string, Placeholder>();
  for (const { source, items } of trees)
    for (const item of items) {
      const parts = item.path.split('/');
      for (let i = 1; i <= parts.length; i++) {
        const path = parts.slice(0, i).join('/');
        if ((await lookBeneath(source, path)).kind !== 'absent') continue;
        const file = i === parts.length && item.kind === 'file';
        const content = file ? (item.content ?? '') : '';
        found.set(`${source}/${path}`, { kind: file ? 'file' : 'dir', content, source, path });
      }
    }
  return [...found.values()];
}

/** Makes one for the owner of the workspace; whether it was not there yet. */
export async function makePlaceholder(
  { kind, content, source, path }: Placeholder,
  owner: { uid: number; gid: number },
): Promise<boolean> {
  if ((await lookBeneath(source, path)).kind !== 'absent') return false;
  const whole = `${source}/${path}`;
  if (kind === 'dir') await mkdir(whole, { mode: 0o755 });
  const file = await open(whole, kind === 'file' ? 'wx' : 'r', 0o644);
  try {
    if (content === '{}') await file.writeFile('{}\n');
    if ((await file.stat()).uid !== owner.uid) await file.chown(owner.uid, owner.gid);
  } finally {
    await file.close();
  }
  return true;
}

/** Removes one that nobody has put anything into. No slot of the workspace may be running that could lead the path elsewhere. */
export async function removePlaceholder({ kind, content, source, path }: Placeholder): Promise<void> {
  try {
    const found = await lookBeneath(source, path);
    if (found.kind !== kind || found.path !== path) return;
    if (kind === 'dir') return await rmdir(`${source}/${path}`);
    const text = await readUntrusted(`${source}/${path}`, 3).catch(() => undefined);
    if (text?.toString('utf8').trim() === content) await unlink(`${source}/${path}`);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // Somebody uses it now, or put a link in its place: then it is not ours to remove.
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST' && code !== undefined) throw error;
  }
}

/**
 * Removes the placeholders that `text`, the key of an instance that is stopped or gone, has, but for those that one of `others` needs:
 * the keys of those of the same workspace that go on.
 */
export async function clearPlaceholders(text: string, others: readonly string[]): Promise<void> {
  const kept = new Set(others.flatMap(other => other.split('\n')));
  const left = text.split('\n').filter(line => !kept.has(line));
  for (const one of readPlaceholders(left.join('\n')).reverse()) await removePlaceholder(one);
}

/** The text of `PLACEHOLDERS_KEY`. */
export function writePlaceholders(placeholders: readonly Placeholder[]): string {
  const lines = placeholders.map(({ kind, content, source, path }) => [kind, content, source, path].join(TAB));
  return [...new Set(lines)].join('\n');
}

/** Reads it back; lines that are none are left out. */
export function readPlaceholders(text: string): Placeholder[] {
  return text.split('\n').flatMap(line => {
    const [kind, content, source, path] = line.split(TAB);
    if ((kind !== 'dir' && kind !== 'file') || (content !== '' && content !== '{}')) return [];
    return source?.startsWith('/') === true && path !== undefined ? [{ kind, content, source, path }] : [];
  });
}
