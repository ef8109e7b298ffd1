import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MAX_ENTRIES, WHOLE } from '../../../server/agents/history.ts';
import { isCut } from '../../../server/flows/sessions/cut.ts';

test('a transcript says that it is only the end when its file or its entries are too many', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'incus-agents-cut-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, '.claude/projects/-workspace/a.jsonl');
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, '{}\n');
  assert.equal(await isCut(directory, 3), false);
  assert.equal(await isCut(directory, MAX_ENTRIES), true);
  await truncate(file, WHOLE + 1);
  assert.equal(await isCut(directory, 3), true);
});
