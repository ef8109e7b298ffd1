// The suites of `npm test`, in the order in which they run.
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { root } from './paths.mjs';

/**
 * @typedef {object} Suite
 * @property {string} name
 * @property {string[]} [command] a program under node_modules/.bin or an npm script: one test, which passes if it exits with 0
 * @property {string} [folder] test files for `node --test`
 * @property {number} [concurrency] files at a time
 * @property {number} [testTimeout] seconds for one test, and for one file
 * @property {number} limit seconds for the whole suite; then it is ended and has failed
 * @property {boolean} [optional] no files is no failure
 * @property {import('./prepare.mjs').Need[]} needs what must be prepared
 * @property {Record<string, string>} [environment]
 */

/** @type {import('./prepare.mjs').Need[]} */
const withIncus = ['sources', 'incus', 'base-image', 'test-image'];

/** @type {import('./prepare.mjs').Need[]} */
const withEditor = [...withIncus, 'browser'];

/** @type {Suite[]} */
export const suites = [
  { name: 'typecheck', command: ['tsc', '--noEmit'], limit: 300, needs: ['sources'] },
  { name: 'lint', command: ['biome', 'check', '.'], limit: 120, needs: ['sources'] },
  { name: 'unit', folder: 'test/unit', concurrency: 2, testTimeout: 120, limit: 600, needs: ['sources'] },
  { name: 'package', command: ['npm', 'run', 'package'], limit: 180, needs: ['sources'] },
  { name: 'incus', folder: 'test/incus', concurrency: 2, testTimeout: 600, limit: 2700, needs: withIncus },
  {
    name: 'redteam',
    folder: 'test/redteam',
    concurrency: 2,
    testTimeout: 600,
    limit: 2700,
    needs: withIncus,
    optional: true,
  },
  {
    name: 'editor',
    folder: 'test/editor',
    concurrency: 2,
    testTimeout: 600,
    limit: 2700,
    needs: [...withEditor, 'vscode'],
  },
  {
    name: 'editor-oldest',
    folder: 'test/editor',
    concurrency: 2,
    testTimeout: 600,
    limit: 2700,
    needs: [...withEditor, 'vscode-oldest'],
    environment: { INCUS_AGENTS_VSCODE: 'oldest' },
  },
];

/** Test files of a suite, as paths from the root of the clone. */
export function testFiles(suite) {
  if (!suite.folder || !existsSync(path.join(root, suite.folder))) return [];
  return readdirSync(path.join(root, suite.folder), { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.test.ts'))
    .map(file => path.posix.join(suite.folder ?? '', file))
    .sort();
}

/**
 * What the words after `npm test --` choose: names of suites, and parts of the paths of test files.
 * No word chooses everything. Returns an entry per suite, with its files.
 * @param {string[]} words
 */
export function choose(words) {
  if (words.length === 0) return suites.map(suite => ({ suite, files: testFiles(suite) }));
  const named = suites.filter(suite => words.includes(suite.name));
  const parts = words.filter(word => !suites.some(suite => suite.name === word)).map(word => word.replace(/^\.\//, ''));
  const chosen = suites.flatMap(suite => {
    if (named.includes(suite)) return [{ suite, files: testFiles(suite) }];
    if (suite.environment) return []; // a second run of the same files happens by name only
    const files = testFiles(suite).filter(file => parts.some(part => file.includes(part)));
    return files.length > 0 ? [{ suite, files }] : [];
  });
  const idle = parts.filter(part => !chosen.some(entry => entry.files.some(file => file.includes(part))));
  return idle.length > 0 ? { unknown: idle } : withPackage(chosen);
}

/** The editor's tests are about the package as the sources are now. */
function withPackage(chosen) {
  const wanted = chosen.some(({ suite }) => suite.needs.includes('browser'));
  const first = suites.find(suite => suite.name === 'package');
  if (!wanted || !first || chosen.some(({ suite }) => suite === first)) return chosen;
  return [{ suite: first, files: [] }, ...chosen];
}
