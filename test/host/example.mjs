// A small project to try agents on, outside the clone.
import { chownSync, existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { isRoot, run } from './shell.mjs';

const files = {
  'README.md': `# Example

A small program with a bug in it, for an agent to find: open a slot in the Incus Agents sidebar ("+") and tell the
agent "the tests fail, mend it".
`,
  'package.json': `${JSON.stringify({ name: 'example', private: true, type: 'module', scripts: { test: 'node --test' } }, null, 2)}\n`,
  'src/median.js': `/** The number in the middle of a list. */
export function median(numbers) {
  const sorted = [...numbers].sort();
  return sorted[Math.floor(sorted.length / 2)];
}
`,
  'test/median.test.js': `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { median } from '../src/median.js';

test('the median of numbers', () => assert.equal(median([5, 10, 1]), 5));
`,
};

/** The folder of the example; makes it if it is not there, and otherwise leaves it as it is. */
export function exampleProject() {
  const folder = path.join(homedir(), 'incus-agents-example');
  if (existsSync(folder)) return folder;
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  const author = ['-c', 'user.name=Example', '-c', 'user.email=example@localhost'];
  run(['git', 'init', '-q', '-b', 'main'], { cwd: folder });
  run(['git', 'add', '.'], { cwd: folder });
  run(['git', ...author, 'commit', '-q', '-m', 'A median'], { cwd: folder });
  // What an agent writes belongs to the folder's owner, and that should not be root.
  if (isRoot) giveTo(folder, Number(process.env.SUDO_UID ?? 1000), Number(process.env.SUDO_GID ?? 1000));
  return folder;
}

function giveTo(file, uid, gid) {
  chownSync(file, uid, gid);
  if (!lstatSync(file).isDirectory()) return;
  for (const name of readdirSync(file)) giveTo(path.join(file, name), uid, gid);
}
