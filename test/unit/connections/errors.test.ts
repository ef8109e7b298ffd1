import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../../../server/base/log.ts';
import type { LogMessage } from '../../../server/connections/app.ts';
import { toResponseError } from '../../../server/connections/errors.ts';
import { Messages } from '../../../server/messages.ts';

const told = (code: string, path?: string) =>
  toResponseError(Object.assign(new Error(`${code}: x`), { code, ...(path && { path }) }), 'slot/open', silentLog);

test('a file that the system does not give is told with its next step', () => {
  const ours = told('EACCES', join(homedir(), '.coi/sessions-claude'));
  assert.equal(ours.data?.kind, 'permission');
  assert.match(ours.data?.hint ?? '', /chown -R "\$USER" ~\/\.coi/);
  assert.match(told('EACCES', "/else; 'where").data?.hint ?? '', /ls -ld '\/else; '\\''where'/);
  assert.match(told('EROFS', '/elsewhere').data?.hint ?? '', /only be read/);
  assert.match(told('EPERM', join(homedir(), '.coi/x')).data?.hint ?? '', /lsattr/);
  assert.match(told('ENOSPC').message, /disk is full/);
  assert.match(told('EMFILE').data?.hint ?? '', /logs\/incus-agents\.log/);
});

test('warnings and errors of the log are told to clients, in one line', () => {
  const messages = new Messages(silentLog);
  const heard: LogMessage[] = [];
  messages.on(message => heard.push(message));
  const log = messages.told(silentLog);
  log.info('nothing');
  log.warn('a\nb');
  log.error('bad');
  assert.deepEqual(heard, [
    { level: 'warning', message: 'a\\u000ab' },
    { level: 'error', message: 'bad' },
  ]);
});
