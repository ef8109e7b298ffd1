import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gitIdentityOf } from '../../../server/flows/open/host-facts.ts';
import { desk } from '../config/harness.ts';

test('who commits is found in what the user’s git configuration includes, and in no repository', async t => {
  const d = await desk(t);
  await d.file('home/.gitconfig', '[include]\npath = ~/.gitconfig-user\n[user]\nname = Ada\n');
  await d.file('home/.gitconfig-user', '[user]\nname = Other\nemail = ada@example.org\n');
  assert.deepEqual(await gitIdentityOf(await d.load(), d.home), { name: 'Ada', email: 'ada@example.org' });
  await d.user('[git]\nseed_host_identity = false\n');
  assert.equal(await gitIdentityOf(await d.load(), d.home), undefined);
});
