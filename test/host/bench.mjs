#!/usr/bin/env node
// `npm run bench`: prepares the machine and measures. Words after `--` go to the measurements.
import { spawnSync } from 'node:child_process';
import { node24Environment } from './node.mjs';
import { root } from './paths.mjs';
import { prepare } from './prepare.mjs';
import { PrepareError, run } from './shell.mjs';

const words = process.argv.slice(2);
const yes = words.includes('--yes');
try {
  await prepare(['sources', 'incus', 'base-image', 'test-image'], { yes });
  run(['npm', 'run', 'build'], { cwd: root, env: node24Environment() });
  const args = ['test/bench/run.ts', ...words.filter(word => word !== '--yes')];
  process.exitCode = spawnSync('node', args, { cwd: root, env: node24Environment(), stdio: 'inherit' }).status ?? 1;
} catch (error) {
  console.error(error instanceof PrepareError ? error.message : error);
  process.exitCode = 1;
}
