// Where things are. Plain JavaScript for Node 20: it runs in a fresh clone, before `npm ci`.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The clone. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/**
 * What is fetched or built once per machine, outside the clone so that every clone shares it. Root's is where the
 * ordinary users of tests can read it too. INCUS_AGENTS_CACHE names another place.
 */
export const cache = process.env.INCUS_AGENTS_CACHE || path.join(userCache(), 'incus-agents');

function userCache() {
  if (process.env.XDG_CACHE_HOME) return process.env.XDG_CACHE_HOME;
  return process.getuid?.() === 0 ? '/var/cache' : path.join(homedir(), '.cache');
}

/** The packaged extension, as vsce names it. */
export function vsixPath() {
  const { name, version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return path.join(root, `${name}-${version}.vsix`);
}

/** Releases of code-server: the newest, and the one with the oldest VS Code that the manifest allows. */
export const vsCodeVersions = { newest: '4.139.1', oldest: '4.105.1' };

/**
 * Folder of an installed code-server.
 * @param {'newest' | 'oldest'} which
 */
export function codeServerFolder(which) {
  return path.join(cache, `code-server-${vsCodeVersions[which]}`);
}
