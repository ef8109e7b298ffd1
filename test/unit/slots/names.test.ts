import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerName, parseContainerName, workspaceHash } from '../../../server/slots/names.ts';

test('the name is the prefix, eight hex digits of the SHA-256 of the path, and the slot', () => {
  // printf %s /home/u/p | sha256sum
  assert.equal(workspaceHash('/home/u/p'), '60ad706f');
  assert.equal(containerName('/home/u/p', 3), 'coi-60ad706f-3');
});

test('paths are taken as they are: no resolving, no folding', () => {
  assert.notEqual(workspaceHash('/srv/é'), workspaceHash('/srv/é'.normalize('NFD')));
  assert.notEqual(workspaceHash('/srv/A'), workspaceHash('/srv/a'));
});

test('only names of slots are read back', () => {
  assert.deepEqual(parseContainerName('coi-60ad706f-12'), { hash: '60ad706f', slot: 12 });
  for (const name of [
    'coi-60ad706f',
    'coi-60ad706f-0',
    'coi-60ad706f-01',
    'coi-60AD706F-1',
    'xcoi-60ad706f-1',
    'coi-60ad706f-1\n',
    'coi-build',
    '',
  ]) {
    assert.equal(parseContainerName(name), undefined, JSON.stringify(name));
  }
});
