import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { root } from '../../host/paths.mjs';

interface Locked {
  optionalDependencies?: Record<string, string>;
  resolved?: string;
}

const locked: Record<string, Locked> = JSON.parse(readFileSync(`${root}/package-lock.json`, 'utf8')).packages;

test('the lock file has every optional package, or `npm ci` refuses it', () => {
  // A registry that lacks other platforms' binaries makes `npm install` drop their entries.
  const missing = Object.entries(locked).flatMap(([folder, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      name => !locked[`node_modules/${name}`] && !locked[`${folder}/node_modules/${name}`],
    ),
  );
  assert.deepEqual(missing, []);
});

test('the lock file names no registry: each machine uses its own', () => {
  assert.deepEqual(
    Object.entries(locked).filter(([, entry]) => entry.resolved !== undefined),
    [],
  );
});
