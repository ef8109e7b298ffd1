import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { realpath } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import { guardFailure } from '../../server/workspace/mount-guard.ts';
import { hookFailure } from '../../server/workspace/protection/explain.ts';
import { planProtection } from '../../server/workspace/protection/plan.ts';
import { clearStale, oldSweepers, staleProtection } from '../../server/workspace/protection/stale.ts';
import { verifyProtection } from '../../server/workspace/protection/verify.ts';
import { resolveWorkspace } from '../../server/workspace/resolve.ts';
import {
  definitionOf,
  type Ending,
  flagsOf,
  hostMounts,
  inReverse,
  onHost,
  options,
  type Place,
  project,
  slot,
} from '../redteam/protect/place.ts';
import { rebootInside } from './reboot.ts';
import { connect, isFailure, removeAfter, tempDirectory, testImage, uniqueName, until } from './support.ts';

const skip = process.getuid?.() !== 0;
const OWNER = { uid: 1000, gid: 1000 };
const LIVE = '/var/lib/incus-agents/protect/live';

async function stateOf(place: Place): Promise<string> {
  return (await verifyProtection(place.incus, place.container)).state;
}

async function stop(place: Place): Promise<void> {
  await place.incus.setState(place.container, 'stop', { force: true });
}

/** Everything of a folder but its times. */
function listing(dir: string): string {
  return execFileSync('find', ['.', '-printf', '%P %y %m %U %s\\n'], { cwd: dir, encoding: 'utf8' });
}

async function setUp(t: TestContext, more: Parameters<typeof slot>[2] = {}) {
  const end = inReverse(t);
  const dir = await project(end, OWNER);
  return { end, dir, place: await slot(end, dir, more) };
}

test('ordinary work with git works inside, and nobody sees the placeholders', { skip }, async t => {
  const { dir, place } = await setUp(t);
  const work = `set -e
    git config --get user.name >/dev/null
    echo more >>src/file; git add src/file; git commit -qm second
    git branch side; git checkout -q side; echo side >s; git add s; git commit -qm side
    git checkout -q -b other main; echo other >o; git add .; git commit -qm other
    git merge -q side -m merged; git checkout -q main; git rebase -q other
    echo stashed >>src/file; git stash -q; git stash pop -q; git checkout -q src/file; git tag t1
    git init -q --bare ~/remote.git; git push -q ~/remote.git main side
    git clone -q -b main ~/remote.git ~/clone; cd ~/clone; git -c user.name=x -c user.email=x@y commit -q --allow-empty -m remote; git push -q origin main; cd "$OLDPWD"
    git fetch -q ~/remote.git main; git merge -q FETCH_HEAD; git branch -q -d other 2>/dev/null; git log --format=%s | head -1; git status --porcelain`;
  assert.equal(await place.run(work, 'code'), 'remote\n');
  assert.equal(onHost(OWNER, dir, 'git status --porcelain'), '');
  assert.equal(onHost(OWNER, dir, 'git log --format=%s -1'), 'remote\n');
  assert.equal(await place.run('cat .env .mcp.json', 'code'), '{}\n');
});

test('a stop leaves the folder as it was, without a flag, a placeholder or a mount', { skip }, async t => {
  const end = inReverse(t);
  const dir = await project(end, OWNER);
  const before = listing(dir);
  const place = await slot(end, dir);
  assert.equal(await stateOf(place), 'locked');
  assert.match(flagsOf(`${dir}/.git/config`), /i/);
  assert.match(flagsOf(`${dir}/.vscode`), /a/);
  assert.match(flagsOf(`${dir}/.mcp.json`), /i/);
  await stop(place);
  assert.equal(listing(dir), before);
  assert.doesNotMatch(flagsOf(`${dir}/.git/config`) + flagsOf(`${dir}/.vscode`) + flagsOf(`${dir}/.env`), /[ia]/);
  assert.ok(!existsSync(`${LIVE}/${place.container}`));
  assert.ok(!hostMounts().includes(place.container));
  await place.incus.setState(place.container, 'start');
  assert.equal(await stateOf(place), 'locked', 'also when it is started again without us');
});

test('what one of two slots needs stays until the second is gone; a flag of the user stays for ever', {
  skip,
}, async t => {
  const end = inReverse(t);
  const dir = await project(end, OWNER);
  execFileSync('chattr', ['+i', `${dir}/.claude/settings.json`]);
  end.after(() => void execFileSync('chattr', ['-i', `${dir}/.claude/settings.json`]));
  const first = await slot(end, dir);
  const second = await slot(end, dir);
  await stop(first);
  assert.match(flagsOf(`${dir}/.git/config`), /i/);
  assert.ok(existsSync(`${dir}/.mcp.json`));
  assert.equal(onHost(OWNER, dir, 'git status --porcelain'), '');
  assert.equal(await stateOf(second), 'locked');
  await stop(second);
  assert.doesNotMatch(flagsOf(`${dir}/.git/config`), /i/);
  assert.ok(!existsSync(`${dir}/.mcp.json`));
  assert.doesNotMatch(readFileSync(`${dir}/.git/info/exclude`, 'utf8'), /placeholders/);
  assert.match(flagsOf(`${dir}/.claude/settings.json`), /i/);
});

test('a program of the host cannot replace what is protected, which would drop it; without the flag it can', {
  skip,
}, async t => {
  const { dir, place, end } = await setUp(t);
  assert.throws(() => onHost(OWNER, dir, 'git config a.b c'));
  const replace = () => {
    writeFileSync(`${dir}/new`, readFileSync(`${dir}/.git/config`));
    renameSync(`${dir}/new`, `${dir}/.git/config`);
  };
  assert.throws(replace, /EPERM/);
  assert.throws(() => renameSync(`${dir}/.vscode`, `${dir}/.other`), /EPERM/);
  assert.throws(() => rmSync(`${dir}/.husky`, { recursive: true }), /EPERM/);
  assert.equal(await stateOf(place), 'locked');
  const dir2 = await project(end, OWNER);
  const weak = await slot(end, dir2, { immutable: false });
  assert.equal(weak.plan.effective, 'weak');
  assert.equal(await stateOf(weak), 'weak');
  assert.match(await weak.run('echo x >>.git/config', 'root'), /Read-only/);
  onHost(OWNER, dir2, 'git config a.b c');
  assert.equal(await stateOf(weak), 'lost', 'and it is noticed');
  assert.equal(await weak.run('echo "# evil" >>.git/config', 'root'), '', 'this is why the flag is needed');
});

test('it holds after a reboot inside and after a restart by force', { skip }, async t => {
  const { dir, place } = await setUp(t);
  await rebootInside(place.incus, place.container);
  assert.equal(await stateOf(place), 'locked');
  assert.match(await place.run('echo x >>.git/config', 'root'), /Read-only|not permitted/);
  await place.incus.setState(place.container, 'restart', { force: true });
  assert.equal(await stateOf(place), 'locked');
  assert.match(flagsOf(`${dir}/.git/config`), /i/);
});

test('what a crash leaves is found and cleared without sudo, and by the next start of any slot', { skip }, async t => {
  const { dir, place, end } = await setUp(t);
  // What LXC itself leaves of a container whose process was killed.
  const groups = ['/sys/fs/cgroup', '-depth', '-type', 'd', '-path', `*/lxc.*.${place.container}*`];
  const remove = () => spawnSync('find', [...groups, '-exec', 'rmdir', '{}', '+'], { stdio: 'ignore' }).status === 0;
  t.after(async () => void (await until('its control groups are gone', remove)));
  const kill = async () => {
    const [, keeper] = readFileSync(`${LIVE}/${place.container}`, 'utf8').split(/\s/);
    process.kill(Number(keeper), 'SIGKILL');
    await until('it is down', async () => !(await place.incus.instanceState(place.container)).running);
  };
  await kill();
  assert.match(flagsOf(`${dir}/.git/config`), /i/);
  // Another slot's start may have been faster.
  assert.ok((await staleProtection()).stale.includes(place.container) || !existsSync(`${LIVE}/${place.container}`));
  // Another backend is about to clear up as well.
  const other = `incus-agents-sweep-${randomBytes(4).toString('hex')}`;
  end.after(() => place.incus.deleteInstance(other));
  const body = { name: other, type: 'container', source: { type: 'none' } };
  await place.incus.wait((await place.incus.request('POST', '/1.0/instances', body)).operation ?? '');
  const left = await clearStale(place.incus);
  assert.ok(!left.stale.includes(place.container));
  assert.doesNotMatch(flagsOf(`${dir}/.git/config`), /i/);
  assert.ok(!existsSync(`${dir}/.mcp.json`));
  // A backend that another test starts meanwhile has its own.
  const sweepers = async () =>
    (await place.incus.instances()).map(i => i.name).filter(name => name.startsWith('incus-agents-sweep-'));
  await until('ours is gone', async () => (await sweepers()).join() === other);
  assert.ok(!(await oldSweepers(place.incus)).includes(other));
  assert.ok((await oldSweepers(place.incus, Date.now() + 120_000)).includes(other));
  await place.incus.setState(place.container, 'start');
  await kill();
  await slot(end, await project(end, OWNER));
  assert.doesNotMatch(flagsOf(`${dir}/.git/config`), /i/);
});

test('in a worktree the repository is protected where it is, and work goes on', { skip }, async t => {
  const end = inReverse(t);
  const main = await project(end, OWNER);
  const trees = await realpath(await tempDirectory(end));
  chownSync(trees, OWNER.uid, OWNER.gid);
  onHost(OWNER, main, `git worktree add -q ${trees}/tree -b tree; git worktree add -q ${trees}/third -b third`);
  const place = await slot(end, `${trees}/tree`);
  assert.equal(await stateOf(place), 'locked');
  assert.equal(await place.run('echo x >x; git add x; git commit -qm inside; git status --porcelain', 'code'), '');
  const attack = `rm -rf '${main}/.git/commondir' && echo REMOVED; echo "gitdir: /tmp/evil" >.git; mv .git g; g='${main}/.git'; for d in config hooks/pre-commit worktrees/tree/commondir worktrees/tree/gitdir worktrees/tree/config.worktree commondir worktrees/third/commondir worktrees/third/HEAD; do
    echo evil >>"$g/$d" && echo "WROTE $d"; done; for d in worktrees worktrees/tree worktrees/third; do perl -e 'rename($ARGV[0], $ARGV[1]) and print "MOVED\\n"' "$g/$d" "$g/w"; done; umount "$g/config" && echo UMOUNTED; git config a.b c && echo CONFIGURED`;
  for (const as of ['root', 'code'] as const) assert.doesNotMatch(await place.run(attack, as), /^[A-Z]+( |$)/m);
  onHost(OWNER, `${trees}/third`, 'echo y >y; git add y; git commit -qm third; git status --porcelain');
  assert.equal(onHost(OWNER, place.ws.real, 'git status --porcelain; git log -1 --format=%s'), 'inside\n');
  await stop(place);
  onHost(OWNER, main, `git config a.b c; git worktree remove ${trees}/third; git status --porcelain`);
});

test('a file that was moved while it was immutable is found again', { skip }, async t => {
  const { dir, place } = await setUp(t);
  assert.match(flagsOf(`${dir}/deep/er/.env`), /i/);
  onHost(OWNER, dir, 'mv deep/er moved; mkdir deep/er; echo x >deep/er/.env; mv .claude .c');
  await stop(place);
  for (const path of ['moved/.env', 'deep/er/.env', '.c/settings.json'])
    assert.doesNotMatch(flagsOf(`${dir}/${path}`), /i/, path);
  rmSync(`${dir}/deep`, { recursive: true });
  await assert.rejects(place.incus.setState(place.container, 'start'));
  const reason = await hookFailure(place.container);
  assert.match(reason?.message ?? '', /deep\/er\/\.env, a secret path, is not there any more/);
  assert.doesNotMatch(flagsOf(`${dir}/.git/config`), /i/);
});

test('a folder that is exchanged meanwhile is not mounted, protected or not', { skip }, async t => {
  const end = inReverse(t);
  const dir = await project(end, OWNER);
  for (const level of ['off', 'locked'] as const) {
    const place = await slot(end, dir, { level });
    await stop(place);
    renameSync(dir, `${dir}.was`);
    symlinkSync('/etc', dir);
    await assert.rejects(place.incus.setState(place.container, 'start'));
    const reason =
      level === 'off' ? await guardFailure(place.container, 'default') : await hookFailure(place.container);
    assert.match(reason?.message ?? '', /is not (what|the folder that) it was a moment ago/);
    rmSync(dir);
    renameSync(`${dir}.was`, dir);
    await place.incus.setState(place.container, 'start');
    await stop(place);
  }
});

test('the .git of a submodule keeps leading where it leads', { skip }, async t => {
  const end = inReverse(t);
  const dir = await project(end, OWNER);
  const other = await project(end, OWNER);
  onHost(OWNER, dir, `git -c protocol.file.allow=always submodule --quiet add '${other}' libs/sub; git commit -qm sub`);
  const place = await slot(end, dir);
  assert.equal(await stateOf(place), 'locked');
  const attack = `echo "gitdir: /tmp/evil" >libs/sub/.git && echo WROTE; mv libs/sub libs/s2 && echo MOVED; mv libs l2 && echo MOVED; rm -f libs/sub/.git; echo evil >>.git/modules/libs/sub/config && echo WROTE; touch .git/modules/libs/sub/hooks/x && echo WROTE; umount libs/sub/.git && echo UMOUNTED`;
  for (const as of ['root', 'code'] as const) assert.doesNotMatch(await place.run(attack, as), /^[A-Z]+$/m);
  assert.equal(
    await place.run('echo x >libs/sub/x; git status --porcelain; git -C libs/sub log -1 --format=%s', 'code'),
    ' M libs/sub\nfirst\n',
  );
});

test('no repository can be planted where there is none', { skip }, async t => {
  const end = inReverse(t);
  const dir = await project(end, OWNER);
  rmSync(`${dir}/.git`, { recursive: true });
  const place = await slot(end, dir);
  assert.notEqual(await place.run('git init -q . && git config core.fsmonitor /tmp/evil', 'root'), '');
  await place.run('mv .git x; rm -rf .git; mkdir .git; umount -l .git; echo x >.git/config', 'root');
  await stop(place);
  assert.ok(!existsSync(`${dir}/.git`));
});

test('a symlink in the place of what is protected is refused, also when it comes late', { skip }, async t => {
  const end = inReverse(t);
  const dir = await project(end, OWNER);
  const incus = await connect(end);
  const canary = `${dir}/../canary`;
  mkdirSync(canary);
  const ws = await resolveWorkspace(dir, { home: '/nonexistent', stateDirs: [], uid: 0 });
  const container = uniqueName();
  const plan = await planProtection(ws, options(container));
  const before = listing(dir);
  removeAfter(end, container);
  symlinkSync(canary, `${dir}/.husky`);
  const create = async () =>
    incus.createInstance({
      name: container,
      source: { alias: await testImage(incus) },
      start: true,
      ...definitionOf(ws, plan, container),
    });
  await assert.rejects(create());
  const reason = await hookFailure(container);
  assert.match(reason?.message ?? '', /\.husky is a symbolic link/);
  assert.ok(!existsSync(`${LIVE}/${container}`), 'nothing is left');
  rmSync(`${dir}/.husky`);
  assert.equal(listing(dir), before);
  symlinkSync(canary, `${dir}/.husky`);
  assert.doesNotMatch(flagsOf(`${dir}/.git/config`) + flagsOf(canary), /[ia]/);
  assert.ok(!hostMounts().includes(container));
  await assert.rejects(planProtection(ws, options(container)), isFailure('isolation', /symbolic link/));
  const free = await planProtection(ws, options(container, { writable: ['.husky'] }));
  assert.ok(!free.protectedPaths.includes('.husky'));
});

test('a start that fails after everything is prepared takes all of it back', { skip }, async t => {
  const end = inReverse(t);
  const dir = await project(end, OWNER);
  const incus = await connect(end);
  const ws = await resolveWorkspace(dir, { home: '/nonexistent', stateDirs: [], uid: 0 });
  const container = uniqueName();
  const told = `${dir}/../told`;
  const plan = await planProtection(ws, options(container, { refused: `: >"${told}"` }));
  const before = listing(dir);
  const config = { ...definitionOf(ws, plan, container).config };
  // The mounts are the last thing that the hook does; what they are to bind is not there.
  config['raw.lxc'] = (config['raw.lxc'] ?? '').replace('pins="$q/$3 $q', 'pins="$q/$3.gone $q');
  const definition = { ...definitionOf(ws, plan, container), config };
  removeAfter(end, container);
  await assert.rejects(
    incus.createInstance({ name: container, source: { alias: await testImage(incus) }, start: true, ...definition }),
  );
  assert.match((await hookFailure(container))?.message ?? '', /mounts over the protected paths/);
  assert.ok(existsSync(told), 'what other hooks did is undone too');
  assert.equal(listing(dir), before);
  assert.doesNotMatch(flagsOf(`${dir}/.git/config`) + flagsOf(`${dir}/.vscode`), /[ia]/);
  assert.ok(!hostMounts().includes(container));
});

test('without the hooks nothing is held, and without the flag only the weaker mode opens, by name', {
  skip,
}, async t => {
  const end: Ending = inReverse(t);
  const dir = await project(end, OWNER);
  const ws = await resolveWorkspace(dir, { home: '/nonexistent', stateDirs: [], uid: 0 });
  for (const level of ['locked', 'weak'] as const)
    await assert.rejects(planProtection(ws, options('x', { level, hooks: false })), isFailure('isolation', /raw\.lxc/));
  const { effective, fragment } = await planProtection(ws, options('x', { level: 'off', hooks: false }));
  assert.deepEqual([effective, Object.keys(fragment.config ?? {})], ['off', ['user.incus-agents.protection']]);
  const ram = `${dir}/../ram`;
  mkdirSync(ram);
  execFileSync('mount', ['-t', 'ramfs', 'none', ram]);
  end.after(() => void execFileSync('umount', [ram]));
  onHost({ uid: 0, gid: 0 }, ram, 'chown 1000:1000 .; git init -q; chown -R 1000:1000 .git');
  const onRam = await resolveWorkspace(ram, { home: '/nonexistent', stateDirs: [], uid: 0 });
  await assert.rejects(planProtection(onRam, options('x')), isFailure('isolation', /immutable/));
  const place = await slot(end, onRam.path, { level: 'weak' });
  assert.equal(await stateOf(place), 'weak');
});
