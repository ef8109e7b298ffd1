import type { Item, Tree } from './types.ts';

/** Key of an instance: the level that it was started with. */
export const PROTECTION_KEY = 'user.incus-agents.protection';
/** Key of an instance: what is held in it, one line per path, for whoever looks later. */
export const PROTECTED_KEY = 'user.incus-agents.protected';

/** One path that a slot was started with. */
export interface RecordedPath {
  action: Item['action'];
  /** Host directory that it lies in, and where that is mounted inside. */
  source: string;
  mount: string;
  path: string;
  /** Whether the flag of the file system was to be set. */
  flagged: boolean;
}

const TAB = '\t';

/** The text of `PROTECTED_KEY`. */
export function record(trees: readonly Tree[]): string {
  return trees
    .flatMap(tree => [
      [tree.source, tree.path].join(TAB),
      ...tree.items.map(item =>
        [item.action, item.unflagged === true || item.kind === 'dir' ? '-' : '+', item.path].join(TAB),
      ),
    ])
    .join('\n');
}

/** Reads it back; lines that are none are left out. */
export function recorded(text: string): RecordedPath[] {
  const paths: RecordedPath[] = [];
  let at: { source: string; mount: string } | undefined;
  for (const line of text.split('\n')) {
    const [first = '', second = '', path] = line.split(TAB);
    if (path === undefined) at = { source: first, mount: second };
    else if (at !== undefined && (first === 'pin' || first === 'lock' || first === 'hide'))
      paths.push({ ...at, action: first, path, flagged: second === '+' });
  }
  return paths;
}
