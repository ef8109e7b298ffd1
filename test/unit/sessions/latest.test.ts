import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentNamed } from '../../../server/agents/registry.ts';
import { silentLog } from '../../../server/base/log.ts';
import { SessionStore } from '../../../server/sessions/store.ts';
import type { ConversationReader } from '../../../server/sessions/types.ts';
import { place, said } from './support.ts';

test('the latest is the one in which something was said last, whatever became of its record since', async t => {
  const { home, store } = await place(t);
  const base = { workspace: '/w', path: '/workspace', persistent: false };
  const make = async (agent: string) => (await store.create({ ...base, agent })).id;
  const latest = async () => (await store.latest('/w'))?.id;
  const shell = await make('shell');
  assert.equal(await latest(), shell, 'where there is nothing else');
  const empty = await make('claude');
  await make('shell');
  assert.equal(await latest(), empty);
  const [older, newer] = [await make('claude'), await make('claude')];
  await said(home, older, 1_600_000_000);
  assert.equal(await latest(), older);
  await said(home, newer, 1_700_000_000);
  await make('claude');
  assert.equal(await latest(), newer);
  const { savedAt } = await store.get(older);
  await store.rename(older, 'a name');
  await store.update(older, { persistent: true });
  assert.equal((await store.get(older)).savedAt, savedAt);
  assert.equal(await latest(), newer);
  const listed = (await store.list({ workspace: '/w' })).map(s => s.id);
  assert.deepEqual(listed.slice(-2), [newer, older]);
  await said(home, older, 1_750_000_000);
  assert.equal(await latest(), older, 'as the files are, not as the record was');
});

test('a file with an odd time, or that cannot be read, hides no other session and is not the latest for ever', async t => {
  const { home, store, warned } = await place(t);
  const make = async () =>
    (await store.create({ workspace: '/w', path: '/workspace', persistent: false, agent: 'claude' })).id;
  const [odd, unreadable, usual] = [await make(), await make(), await make()];
  await said(home, usual, 1_700_000_000);
  // The largest time that ext4 has.
  await said(home, odd, 15_032_385_535);
  await store.refresh(odd);
  await said(home, usual, 1_750_000_000);
  await store.update(odd, { savedAt: '2020-01-01T00:00:00.000Z' });
  const real = { ...agentNamed('claude') };
  const reader: ConversationReader = {
    ...real,
    findConversation: (dir, path) => {
      if (dir.endsWith(unreadable)) throw new RangeError('Invalid time value');
      return real.findConversation(dir, path);
    },
  };
  const log = { ...silentLog, warn: (message: string) => void warned.push(message) };
  const other = new SessionStore({ home, log, reader: () => reader });
  assert.equal((await other.latest('/w'))?.id, usual);
  assert.match(warned.join('\n'), new RegExp(`${unreadable} could not be read: Invalid time value`));
  assert.equal((await store.refresh(odd)).lastActivityAt, undefined);
});
