import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const SCRIPT = join(import.meta.dirname, '../../../media/guest/names.sh');
const HOSTS = '127.0.0.1 localhost\n# mine';
const STUB = '../run/systemd/resolve/stub-resolv.conf';
const BLOCK = '# BEGIN Incus Agents (do not edit this block)\n10.1.2.3 db.example\n# END Incus Agents\n';

/** A system that resolves by systemd, and how it is after a start with these names. */
async function system(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'ia-names-'));
  t.after(() => rm(root, { recursive: true }));
  const at = (path: string) => join(root, 'etc', path);
  for (const path of ['incus-agents', 'systemd', 'dhcp/dhclient-enter-hooks.d'])
    mkdirSync(at(path), { recursive: true });
  writeFileSync(at('hosts'), HOSTS);
  symlinkSync(STUB, at('resolv.conf'));
  const start = (hosts: string, resolvers: string) => {
    writeFileSync(at('incus-agents/hosts'), hosts);
    writeFileSync(at('incus-agents/resolvers'), resolvers);
    execFileSync('/bin/sh', [SCRIPT, root]);
  };
  const text = (path: string) => readFileSync(at(path), 'utf8');
  return { at, start, text };
}

test('hosts get one block, which is replaced and taken back; what else is there stays', async t => {
  const { at, start, text } = await system(t);
  start('10.1.2.3 db.example\n', '');
  start('10.1.2.3 db.example\n', '');
  assert.equal(text('hosts'), `${HOSTS}\n${BLOCK}`);
  writeFileSync(at('hosts'), `${text('hosts')}after\n`);
  start('10.1.2.4 db.example other.example\n', '');
  assert.equal(
    text('hosts'),
    `${HOSTS}\nafter\n${BLOCK.replace('10.1.2.3 db.example', '10.1.2.4 db.example other.example')}`,
  );
  start('', '');
  assert.equal(text('hosts'), `${HOSTS}\nafter\n`);
});

test('a block that has lost its end swallows nothing', async t => {
  const { at, start, text } = await system(t);
  const broken = `${BLOCK.split('\n')[0]}\nrest\n`;
  writeFileSync(at('hosts'), broken);
  for (let i = 0; i < 2; i++) {
    start('10.1.2.3 db.example\n', '');
    assert.equal(text('hosts'), broken + BLOCK);
  }
});

test('resolvers take the place of what the image has, for everybody who is asked, and give it back', async t => {
  const { at, start, text } = await system(t);
  for (const server of ['203.0.113.53', '203.0.113.54']) {
    start('', `${server}\n203.0.113.1\n`);
    assert.ok(lstatSync(at('resolv.conf')).isFile());
    assert.deepEqual(text('resolv.conf').match(/^nameserver .*$/gm), [
      `nameserver ${server}`,
      'nameserver 203.0.113.1',
    ]);
    assert.match(
      text('systemd/resolved.conf.d/incus-agents.conf'),
      new RegExp(`^DNS=${server} 203.0.113.1\nDomains=~\\.$`, 'm'),
    );
    assert.match(text('dhcp/dhclient-enter-hooks.d/incus-agents'), /make_resolv_conf/);
  }
  start('', '');
  assert.equal(readlinkSync(at('resolv.conf')), STUB);
  assert.throws(() => text('systemd/resolved.conf.d/incus-agents.conf'), { code: 'ENOENT' });
  assert.throws(() => text('dhcp/dhclient-enter-hooks.d/incus-agents'), { code: 'ENOENT' });
});

test('where nothing is configured nothing is touched', async t => {
  const { start, text } = await system(t);
  start('', '');
  assert.equal(text('hosts'), HOSTS);
});
