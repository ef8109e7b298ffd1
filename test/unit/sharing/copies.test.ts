import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import { type CopyWish, readCopies } from '../../../server/sharing/copies.ts';

const root = await mkdtemp(join(tmpdir(), 'ia-copies-'));
after(() => rm(root, { recursive: true, force: true }));
await mkdir(`${root}/.ollama`);
await mkdir(`${root}/ws`);
await writeFile(`${root}/.ollama/id_ed25519`, 'key');
await writeFile(`${root}/.netrc`, Buffer.from([0, 255, 10]));
await symlink(`${root}/.netrc`, `${root}/ws/link`);
await symlink(`${root}/.netrc`, `${root}/link`);

const options = {
  home: root,
  homeInside: '/home/code',
  hostile: [`${root}/ws`],
  taken: ['/workspace', '/home/code/.x'],
};
const file = (host: string, container: string, mode = ''): CopyWish => ({
  ...{ bundle: '', host: `${root}/${host}`, container, mode },
});
const bundle = (name: string): CopyWish => ({ bundle: name, host: '', container: '', mode: '' });

async function refused(kind: string, message: RegExp, ...wishes: CopyWish[]) {
  await assert.rejects(readCopies(wishes, options), error => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    assert.ok(error.hint, 'a next step');
    return true;
  });
}

test('files and bundles are read whole, for the agent’s eyes only unless a mode says otherwise', async () => {
  const copies = await readCopies([bundle('ollama'), file('link', '/home/code/.netrc', '0644')], options);
  assert.deepEqual(
    copies.map(({ path, content, mode }) => [path, [...content], mode]),
    [
      ['/home/code/.ollama/id_ed25519', [...Buffer.from('key')], 0o600],
      ['/home/code/.netrc', [0, 255, 10], 0o644],
    ],
  );
});

test('what cannot be copied, or must not land there, is refused', async () => {
  await refused('not-found', /does not exist/, file('gone', '/x'));
  await refused('not-found', /hosts\.yml/, bundle('gh'));
  await refused('config', /no bundle/, bundle('constructor'));
  await refused('isolation', /agent may have made/, file('ws/link', '/x'));
  await refused('config', /no file/, file('.ollama', '/x'));
  execFileSync('mkfifo', [`${root}/fifo`]);
  await refused('config', /no file/, file('fifo', '/x'));
  await writeFile(`${root}/large`, Buffer.alloc(1024 * 1024 + 1));
  await refused('config', /more than/, file('large', '/x'));
  for (const path of ['/workspace/x', '/home/code/.x', '/home/code'])
    await refused('config', /belongs to a mount or to us/, file('.netrc', path));
  await refused('config', /another file/, file('.netrc', '/x'), file('link', '/x'));
});
