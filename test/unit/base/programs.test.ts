import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findProgram, PROGRAM_PATH } from '../../../server/base/programs.ts';
import type { EffectiveConfig } from '../../../server/config/types.ts';
import { gitIdentityOf } from '../../../server/flows/open/host-facts.ts';

test('a program of an activated environment is not found, and not run for the identity of who commits', async t => {
  const directory = await mkdtemp(join(tmpdir(), 'ia-test-'));
  const { PATH } = process.env;
  t.after(async () => {
    process.env.PATH = PATH;
    await rm(directory, { recursive: true });
  });
  const mark = join(directory, 'was-run');
  for (const name of ['git', 'incus', 'perl', 'sh']) {
    await writeFile(join(directory, name), `#!/bin/sh\n: >${mark}\n`);
    await chmod(join(directory, name), 0o755);
  }
  process.env.PATH = `${directory}:${PATH}`;
  for (const name of ['git', 'perl', 'sh']) assert.ok(!(await findProgram(name))?.startsWith(directory), name);
  const places = PROGRAM_PATH.split(':').map(place => join(place, 'sh'));
  assert.equal(await findProgram('sh'), places.find(existsSync), 'it is found in the first place that has it');
  const values: Record<string, unknown> = { 'git.name': '', 'git.email': '', 'git.seed_host_identity': true };
  const config = { get: (key: string) => values[key] } as unknown as EffectiveConfig;
  await gitIdentityOf(config, directory);
  assert.equal(existsSync(mark), false);
  assert.equal(await findProgram(join(directory, 'git')), join(directory, 'git'), 'a path is taken as it is');
  assert.equal(await findProgram('no-such-program-of-ours'), undefined);
  assert.ok(PROGRAM_PATH.split(':').every(place => place.startsWith('/')));
});
