// Node and the project's own packages, from npm.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cache, root } from './paths.mjs';
import { PrepareError, run, tryRun } from './shell.mjs';

/** The Node that runs the sources, the tests and VS Code: its major version is the one that code-server asks for. */
export const nodeVersion = '24.21.0';

const quiet = { ...process.env, npm_config_loglevel: 'error', npm_config_audit: 'false', npm_config_fund: 'false' };

/** Folder of the Node from npm: binary and headers; its package runs no script. The same one on every machine. */
export function node24() {
  return path.join(cache, `node-${nodeVersion}`, 'node_modules', nodePackage());
}

function nodePackage() {
  if (process.arch === 'x64' || process.arch === 'arm64') return `node-linux-${process.arch}`;
  throw new PrepareError(`There is no Node from npm for ${process.arch}: this runs on x64 and arm64.`);
}

/** Environment in which `node` is Node 24, for everything that runs after the preparation. */
export function node24Environment() {
  return { ...process.env, PATH: `${path.join(node24(), 'bin')}:${process.env.PATH}` };
}

/** @returns {import('./plan.mjs').Step} */
export function nodeStep() {
  return {
    title: `fetch Node ${nodeVersion} from npm into ${cache}`,
    missing: () => !tryRun([path.join(node24(), 'bin/node'), '--version']).ok,
    make: () => {
      const folder = path.join(cache, `node-${nodeVersion}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, 'package.json'), '{"private":true}\n');
      run(['npm', 'install', '--prefix', folder, '--ignore-scripts', '--no-save', `${nodePackage()}@${nodeVersion}`], {
        env: quiet,
      });
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
