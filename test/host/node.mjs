// Node and the project's own packages, from npm.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cache, nodeFolder, root, vsCode } from './paths.mjs';
import { PrepareError, run, tryRun } from './shell.mjs';

/** The Node that runs the sources and the tests; the one that the newest VS Code is made for. */
export const nodeVersion = vsCode.newest.node;

const quiet = { ...process.env, npm_config_loglevel: 'error', npm_config_audit: 'false', npm_config_fund: 'false' };

/** Folder of that Node, the same one on every machine. */
export function node24() {
  return nodeFolder(nodeVersion);
}

/** Environment in which `node` is Node 24, for everything that runs after the preparation. */
export function node24Environment() {
  return { ...process.env, PATH: `${path.join(node24(), 'bin')}:${process.env.PATH}` };
}

/**
 * The package holds the binary and its headers, and runs no script.
 * @returns {import('./plan.mjs').Step}
 */
export function nodeStep(version = nodeVersion) {
  return {
    title: `fetch Node ${version} from npm into ${cache}`,
    missing: () => !tryRun([path.join(nodeFolder(version), 'bin/node'), '--version']).ok,
    make: () => {
      if (process.arch !== 'x64' && process.arch !== 'arm64') {
        throw new PrepareError(`There is no Node from npm for ${process.arch}: this runs on x64 and arm64.`);
      }
      const folder = path.join(cache, `node-${version}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, 'package.json'), '{"private":true}\n');
      const name = `node-linux-${process.arch}@${version}`;
      run(['npm', 'install', '--prefix', folder, '--ignore-scripts', '--no-save', name], { env: quiet });
    },
  };
}

/** @returns {import('./plan.mjs').Step} */
export function packagesStep() {
  return {
    title: 'install the packages of this project (npm ci)',
    missing: () => !isInstalled(),
    make: () => {
      run(['npm', 'ci'], { cwd: root, env: { ...node24Environment(), ...quietOnly() } });
    },
  };
}

function quietOnly() {
  return Object.fromEntries(Object.entries(quiet).filter(([key]) => key.startsWith('npm_config_')));
}

/** Whether node_modules holds what package-lock.json asks for; npm notes what it installed in a lock file of its own. */
function isInstalled() {
  const wanted = lockedPackages('package-lock.json');
  const present = lockedPackages('node_modules/.package-lock.json');
  if (!wanted || !present) return false;
  return Object.entries(wanted).every(([name, entry]) => {
    if (name === '' || (entry.optional && !present[name])) return true; // the rest are other platforms' binaries
    return present[name]?.version === entry.version;
  });
}

/** @returns {Record<string, {version: string, optional?: boolean}> | undefined} */
function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(path.join(root, file), 'utf8')).packages;
  } catch {
    return undefined; // not installed yet, or cut off in the middle: install again
  }
}
