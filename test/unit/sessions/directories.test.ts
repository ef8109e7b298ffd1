import assert from 'node:assert/strict';
import { chown, lstat, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { agentNamed } from '../../../server/agents/registry.ts';
import { mountedDirs, SIGNALS } from '../../../server/agents/signal.ts';
import { COI, coiSession, ID, isFailure, OWNER, place, ROOT } from './support.ts';

test('directories become mounts: owned by the workspace’s owner, below directories that are the backend’s own', async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const record = await store.get(ID);
  const mounts = await store.prepare(record, mountedDirs(agentNamed('claude')), OWNER, '/home/code');
  assert.deepEqual(mounts, [
    { device: 'session-0', source: join(dir, '.claude/projects'), path: '/home/code/.claude/projects' },
    { device: 'session-1', source: join(dir, '.claude/sessions'), path: '/home/code/.claude/sessions' },
    { device: 'session-2', source: join(dir, '.claude/file-history'), path: '/home/code/.claude/file-history' },
    { device: 'session-3', source: join(dir, '.claude/tasks'), path: '/home/code/.claude/tasks' },
    { device: 'session-4', source: join(dir, '.claude/plans'), path: '/home/code/.claude/plans' },
    { device: 'session-5', source: join(dir, 'signals'), path: '/home/code/.incus-agents/signals' },
  ]);
  const conversation = join(dir, '.claude/projects/-workspace', `${ID}.jsonl`);
  for (const path of [...mounts.map(mount => mount.source), conversation]) {
    const { uid, gid } = await lstat(path);
    assert.deepEqual({ uid, gid }, OWNER, path);
  }
  assert.equal((await lstat(join(dir, '.claude'))).uid, process.getuid?.());
  assert.equal((await lstat(join(dir, '.claude/.credentials.json'))).uid, process.getuid?.());
});

test('what tells about running processes is emptied before a start; the conversation is not', async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const record = await store.get(ID);
  const dirs = mountedDirs(agentNamed('claude'));
  await store.prepare(record, dirs, OWNER, '/home/code');
  await writeFile(join(dir, '.claude/sessions/77.json'), '{"status":"busy"}');
  await writeFile(join(dir, 'signals/events'), 'working 1 \n');
  await symlink('/etc/passwd', join(dir, 'signals/link'));
  await store.prepare(record, dirs, OWNER, '/home/code');
  assert.deepEqual(await readdir(join(dir, '.claude/sessions')), []);
  assert.deepEqual(await readdir(join(dir, 'signals')), []);
  assert.deepEqual(await readdir(join(dir, '.claude/projects/-workspace')), [`${ID}.jsonl`]);
});

test('a symlink in place of a directory is not mounted, and nothing beyond it is changed', async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const victim = join(home, 'victim');
  await mkdir(victim);
  await writeFile(join(victim, 'file'), 'x');
  await rm(join(dir, '.claude'), { recursive: true });
  await symlink(victim, join(dir, '.claude'));
  const record = await store.get(ID);
  await assert.rejects(store.prepare(record, mountedDirs(agentNamed('claude')), OWNER, '/h'), isFailure('invalid'));
  await rm(join(dir, '.claude'));
  await mkdir(join(dir, '.claude/projects'), { recursive: true });
  await symlink(victim, join(dir, '.claude/projects/sub'));
  await symlink(victim, join(dir, 'signals'));
  await assert.rejects(store.prepare(record, [SIGNALS], OWNER, '/h'), isFailure('invalid'));
  await store.prepare(record, [{ saved: '.claude/projects', home: '.claude/projects' }], OWNER, '/h');
  assert.equal((await stat(victim)).uid, process.getuid?.());
  assert.deepEqual(await readdir(victim), ['file']);
});

test('deleting a session removes it and follows no symlink', async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const victim = join(home, 'victim');
  await mkdir(victim);
  await writeFile(join(victim, 'file'), 'x');
  await symlink(victim, join(dir, '.claude/projects/link'));
  const changed: string[] = [];
  store.onChange(id => changed.push(id));
  await store.remove(ID);
  await assert.rejects(lstat(dir));
  assert.deepEqual(await readdir(victim), ['file']);
  assert.deepEqual(changed, [ID]);
});

test('files with a second name are not given away', { skip: !ROOT }, async t => {
  const { home, store } = await place(t);
  const dir = await coiSession(home, COI);
  const { link } = await import('node:fs/promises');
  await writeFile(join(home, 'precious'), 'x');
  await link(join(home, 'precious'), join(dir, '.claude/projects/hard'));
  await chown(join(dir, '.claude/projects'), 0, 0);
  await store.prepare(await store.get(ID), mountedDirs(agentNamed('claude')), OWNER, '/h');
  assert.equal((await stat(join(home, 'precious'))).uid, 0);
});
