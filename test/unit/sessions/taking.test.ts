import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentNamed } from '../../../server/agents/registry.ts';
import { silentLog } from '../../../server/base/log.ts';
import { SessionStore } from '../../../server/sessions/store.ts';
import { COI, coiSession, ID, isFailure, place } from './support.ts';

test('an open that fails gives the session back as it was, unless another one took it', async t => {
  const { home, store } = await place(t);
  await coiSession(home, COI);
  const file = join(home, '.coi/sessions-claude', ID, 'metadata.json');
  const before = JSON.parse(await readFile(file, 'utf8'));
  const there = { path: '/elsewhere', container: 'coi-0123abcd-9', slot: 9, persistent: false };
  const first = await store.take(await store.get(ID), there);
  assert.deepEqual([first.record.slot, (await store.get(ID)).path], [9, '/elsewhere']);
  assert.equal(first.record.profile, 'big');
  await store.update(ID, { title: 'meanwhile' });
  await first.giveBack();
  const after = JSON.parse(await readFile(file, 'utf8'));
  assert.equal(Date.parse(after.saved_at), Date.parse(before.saved_at));
  assert.deepEqual({ ...after, saved_at: '' }, { ...before, saved_at: '', ...withDefaults(after), title: 'meanwhile' });
  assert.equal('path' in after, false);

  const lost = await store.take(await store.get(ID), there);
  await sleep(2);
  await store.take(await store.get(ID), { ...there, slot: 3, container: 'coi-0123abcd-3' });
  await lost.giveBack();
  assert.equal((await store.get(ID)).slot, 3);
});

test('a session that somebody opened elsewhere since it was read is not opened a second time', async t => {
  const { home, store } = await place(t);
  await coiSession(home, COI);
  const seen = await store.get(ID);
  const at = (slot: number) => ({ path: '/w', container: `coi-0123abcd-${slot}`, slot, persistent: false });
  const other = new SessionStore({ home, log: silentLog, reader: name => agentNamed(name) });
  await other.take(seen, at(3));
  const failure = (error: unknown) => isFailure('conflict')(error) && /opened .* in coi-0123abcd-3/.test(String(error));
  await assert.rejects(store.take(seen, at(4)), failure);
  assert.equal((await store.get(ID)).slot, 3);
  // Of one container Incus gives one of them the right to start it.
  await store.take(seen, at(3));
});

/** What of a record is written although coi did not. */
function withDefaults({ agent, slot, started_at }: Record<string, unknown>): object {
  return { agent, slot, started_at };
}
