import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { tempDirectory } from '../support.ts';
import { describeResume } from './resume.ts';
import { makeDesk } from './support.ts';
import { openTalk } from './talk.ts';

describeResume('opencode');

test('a login to opencode’s own service leaves no token in the session', async t => {
  const desk = await makeDesk('');
  t.after(() => desk.close());
  const talk = await openTalk(desk, await desk.backend(), await desk.workspace(), {
    agent: 'opencode',
    prompt: 'hello',
  });
  await talk.asked('hello');
  const copy = join(await tempDirectory(t), 'db');
  await cp(join(desk.lab.home, '.coi/sessions-opencode', talk.session, '.local/share/opencode/db'), copy, {
    recursive: true,
  });
  const db = new DatabaseSync(join(copy, 'opencode.db'));
  t.after(() => db.close());
  const login =
    "INSERT INTO account (id, email, url, access_token, refresh_token, time_created, time_updated) VALUES ('a', 'b', 'c', 'd', 'e', 1, 1)";
  assert.throws(() => db.exec(login), /a login is not kept/);
});
