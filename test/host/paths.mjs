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

/** Releases of code-server, and of the Node that each is made for: the newest, and the oldest that the manifest allows. */
export const vsCode = {
  newest: { version: '4.139.1', node: '24.21.0' },
  oldest: { version: '4.105.1', node: '22.23.3' },
};

/**
 * Folder of an installed code-server.
 * @param {'newest' | 'oldest'} which
 */
export function codeServerFolder(which) {
  return path.join(cache, `code-server-${vsCode[which].version}`);
}

/** Folder of a Node from npm: bin/node and its headers. @param {string} version */
export function nodeFolder(version) {
  return path.join(cache, `node-${version}`, 'node_modules', `node-linux-${process.arch}`);
}

/**
 * How a code-server is run: its Node and its script.
 * @param {'newest' | 'oldest'} which
 * @returns {[string, string]}
 */
export function codeServerCommand(which) {
  const script = path.join(codeServerFolder(which), 'node_modules/code-server/out/node/entry.js');
  return [path.join(nodeFolder(vsCode[which].node), 'bin/node'), script];
}
