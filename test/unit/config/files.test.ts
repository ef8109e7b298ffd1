import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { desk, lines } from './harness.ts';

test('no link in a project is followed', async t => {
  for (const [name, build] of Object.entries({
    file: async (work: string, away: string) => {
      await mkdir(join(work, '.coi'));
      await symlink(join(away, 'config.toml'), join(work, '.coi', 'config.toml'));
    },
    folder: (work: string, away: string) => symlink(away, join(work, '.coi')),
    profiles: async (work: string, away: string) => {
      await mkdir(join(work, '.coi'));
      await symlink(join(away, 'profiles'), join(work, '.coi', 'profiles'));
    },
    dotfile: (work: string, away: string) => symlink(join(away, 'config.toml'), join(work, '.coi.toml')),
  })) {
    const d = await desk(t);
    await d.file('away/config.toml', '[timezone]\nmode = "utc"\n');
    await d.file('away/profiles/p/config.toml', '[timezone]\nmode = "utc"\n');
    await build(d.workspace, join(d.root, 'away'));
    const config = await d.load();
    assert.equal(config.get('timezone.mode'), 'host', name);
    assert.ok(!config.profiles.some(profile => profile.name === 'p'), name);
    assert.match(lines(config.problems).join('\n'), /error 1:1 .*symbolic link.* is not followed/, name);
    assert.throws(() => config.requireValid(), { kind: 'config' });
  }
});

test('a linked profile of a project is no profile', async t => {
  const d = await desk(t);
  await d.file('away/config.toml', '[timezone]\nmode = "utc"\n');
  await mkdir(join(d.workspace, '.coi', 'profiles'), { recursive: true });
  await symlink(join(d.root, 'away'), join(d.workspace, '.coi', 'profiles', 'p'));
  const config = await d.load({ profile: 'p' });
  assert.equal(config.get('timezone.mode'), 'host');
  assert.throws(() => config.requireValid(), /There is no profile "p"/);
});

test('links among the user’s own files are followed, as people keep them in repositories', async t => {
  const d = await desk(t);
  const dotfiles = await d.file('dotfiles/coi.toml', '[container]\nimage = "mine"\n');
  await mkdir(join(d.home, '.coi'));
  await symlink(dotfiles, join(d.home, '.coi', 'config.toml'));
  assert.equal((await d.load()).get('container.image'), 'mine');
});

test('too large a file, a FIFO or a folder in place of it is told and not waited for', async t => {
  const d = await desk(t);
  await d.project(`# ${'x'.repeat(70_000)}\n[container]\nimage = "big"\n`);
  assert.match(lines((await d.load()).problems).join(), /more than the 65536 bytes allowed/);
  const other = await desk(t);
  await mkdir(join(other.workspace, '.coi', 'config.toml'), { recursive: true });
  assert.match(lines((await other.load()).problems).join(), /error 1:1 .*not a regular file/);
  const third = await desk(t);
  await mkdir(join(third.workspace, '.coi'));
  execFileSync('mkfifo', [join(third.workspace, '.coi', 'config.toml')]);
  assert.match(lines((await third.load()).problems).join(), /error 1:1 .*not a regular file/);
});

test('a workspace that is the home has no project of its own', async t => {
  const d = await desk(t);
  await d.user('[network]\nmode = "open"\n');
  const config = await d.load({ workspace: d.home });
  assert.equal(config.get('network.mode'), 'open');
  assert.deepEqual(lines(config.problems), []);
});

test('COI_CONFIG that is relative names nothing, and says so', async t => {
  const d = await desk(t);
  const config = await d.load({ configFile: 'extra/coi.toml' });
  assert.deepEqual(lines(config.problems), ['error 1:1 COI_CONFIG must name a file by its absolute path.']);
  assert.throws(() => config.requireValid(), /extra\/coi\.toml:1:1: COI_CONFIG must/);
});
