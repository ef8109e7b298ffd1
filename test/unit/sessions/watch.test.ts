import assert from 'node:assert/strict';
import { watch as realWatch } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '../../../server/base/log.ts';
import { SessionWatch } from '../../../server/sessions/watch.ts';
import { COI, coiSession, place } from './support.ts';

test('sessions that another program makes or removes are told, also of an agent that had none', async t => {
  const { home, store } = await place(t);
  let told = 0;
  const changed: string[] = [];
  const watch = new SessionWatch(store.root, silentLog, { listed: () => told++, changed: id => changed.push(id) });
  t.after(() => watch.close());
  await watch.ready;
  const toldAfter = async (what: string, work: () => Promise<unknown>) => {
    const before = told;
    await work();
    const limit = Date.now() + 3000;
    while (told === before) {
      assert.ok(Date.now() < limit, what);
      await sleep(10);
    }
    await sleep(250);
  };
  await toldAfter('a new agent', () => coiSession(home, COI));
  await toldAfter('a second session', () => coiSession(home, COI, 'second'));
  changed.length = 0;
  await writeFile(join(home, '.coi/sessions-claude/second/metadata.json'), JSON.stringify(COI));
  await writeFile(join(home, '.coi/sessions-claude/second/other'), '');
  const limit = Date.now() + 3000;
  while (changed.length === 0) {
    assert.ok(Date.now() < limit, 'a record that is written anew');
    await sleep(10);
  }
  assert.deepEqual(changed, ['second']);
  await toldAfter('a removal', () => rm(join(home, '.coi/sessions-claude/second'), { recursive: true }));
});

test('where the kernel gives no more watches, it is said once, and the sessions are looked at again when asked', async t => {
  const { home, store, warned } = await place(t);
  await coiSession(home, COI);
  await coiSession(home, COI, 'second');
  let full = true;
  let told = 0;
  const begin = ((...given: Parameters<typeof realWatch>) => {
    if (full) throw Object.assign(new Error('System limit for number of file watchers reached'), { code: 'ENOSPC' });
    return realWatch(...given);
  }) as typeof realWatch;
  const log = { ...silentLog, warn: (message: string) => void warned.push(message) };
  const watch = new SessionWatch(store.root, log, { listed: () => told++, changed: () => undefined }, begin);
  t.after(() => watch.close());
  await watch.ready;
  assert.equal(warned.length, 1);
  assert.match(warned[0] ?? '', /limit for number of file watchers/);
  await watch.lookAgain();
  await watch.lookAgain();
  assert.deepEqual([told, warned.length], [2, 1]);
  full = false;
  await watch.lookAgain();
  await watch.lookAgain();
  assert.equal(told, 3, 'what is watched as a whole needs no more looks');
});
