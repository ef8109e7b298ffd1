import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { Failure } from '../../server/base/errors.ts';
import { silentLog } from '../../server/base/log.ts';
import { isAlive } from '../../server/connections/place.ts';
import { buildContainerName, cleanupBuilds } from '../../server/images/container.ts';
import { deleteImage } from '../../server/images/delete.ts';
import { findImage, listImages } from '../../server/images/list.ts';
import { BACKEND_KEY, BUILD_ID_KEY, BUILD_KEY, BUILD_PROPERTY } from '../../server/images/properties.ts';
import type { BuildDeps } from '../../server/images/types.ts';
import type { Incus } from '../../server/incus/client.ts';
import { BASE, type Build, buildDeps, livingBackend, removeImages, startBuild } from './images-support.ts';
import { offerImage } from './simplestreams.ts';
import { connect, isFailure, removeAfter, tempDirectory, tempInstance, uniqueName, until } from './support.ts';

/** The image that `main` makes; most other builds start from it. */
const prepared = uniqueName('ia-image');
const ends: (() => void | Promise<void>)[] = [];
let incus: Incus;
let deps: BuildDeps;
let main: Build;

before(async () => {
  const whole = { after: (end: () => void | Promise<void>) => ends.unshift(end) };
  incus = await connect(whole);
  const home = await tempDirectory(whole);
  await copyFile(join(homedir(), '.npmrc'), join(home, '.npmrc')).catch(() => undefined);
  deps = await buildDeps(incus, home, await livingBackend(whole));
  ends.unshift(() => removeImages(incus, prepared));
  // The first tests need nothing of it.
  main = startBuild(deps, { alias: prepared, base: BASE, agents: ['pi'], docker: false, compression: 'none' });
});

after(async () => {
  main.cancel();
  await main.result.catch(() => undefined);
  for (const end of ends) await end();
});

/** An alias that nothing else has; its images and container are gone at the end. */
function tempAlias(t: TestContext): string {
  const alias = uniqueName('ia-image');
  t.after(() => removeImages(incus, alias));
  removeAfter(t, buildContainerName(alias));
  return alias;
}

/** Fails unless nothing of a build is there. */
async function nothingLeft(alias: string): Promise<void> {
  assert.equal(await incus.instance(buildContainerName(alias)), undefined);
  const images = (await incus.images()).filter(image => image.aliases.some(name => name.startsWith(alias)));
  assert.deepEqual(images, []);
  const loose = (await incus.images()).filter(
    // That of a build that runs has no alias for a moment.
    ({ aliases, properties: { [BUILD_PROPERTY]: id } }) =>
      aliases.length === 0 && id !== undefined && !deps.underWay.has(id),
  );
  assert.deepEqual(loose, []);
}

test('a base comes from a server that the user’s Incus client knows, and one that is not there is told', async t => {
  const offered = await offerImage(t, BASE);
  t.after(() => incus.deleteImage(offered.fingerprint));
  await mkdir(join(deps.home, '.config', 'incus'), { recursive: true });
  const remotes = `remotes:\n  offered:\n    addr: ${offered.url}\n    protocol: simplestreams\n    public: true\n`;
  await writeFile(join(deps.home, '.config', 'incus', 'config.yml'), remotes);
  const alias = tempAlias(t);
  const missing = startBuild(deps, { alias, base: 'offered:other/1', compression: 'none' });
  await assert.rejects(missing.result, isFailure('not-found', /offered:other\/1|other\/1/));
  await nothingLeft(alias);
  const base = `offered:${offered.alias}`;
  const build = startBuild(deps, { alias, base, compression: 'none' }, p => {
    // It has booted; what is made of it is shown with another base.
    if (p.phase === 'packages') setImmediate(() => build.cancel());
  });
  await assert.rejects(build.result, isFailure('cancelled'));
  assert.ok(offered.asked.includes('/files/image'), 'downloaded');
  assert.ok(await incus.image(offered.fingerprint), 'kept for the next build');
  await nothingLeft(alias);
});

test('builds of a dead backend are removed at the next start, those of a living one and everything else are not', async t => {
  const [dead, living, mine] = [tempAlias(t), tempAlias(t), tempAlias(t)];
  const half = async (alias: string, backend: string) => {
    const config = { [BUILD_KEY]: alias, [BUILD_ID_KEY]: `id-${alias}`, [BACKEND_KEY]: backend };
    await tempInstance(t, incus, { name: buildContainerName(alias), source: { alias: BASE }, config });
  };
  await half(dead, 'dead');
  const unfinished = await incus.publish(await tempInstance(t, incus, { source: { alias: BASE }, start: false }), {
    compression: 'none',
    properties: { [BUILD_PROPERTY]: `id-${dead}` },
  });
  t.after(() => incus.deleteImage(unfinished));
  await half(living, deps.backendKey);
  const me = await livingBackend(t);
  await half(mine, me);
  const other = await tempInstance(t, incus, { source: { alias: BASE }, config: { [BUILD_KEY]: dead }, start: false });
  const undone = await cleanupBuilds({
    incus,
    log: silentLog,
    backendKey: me,
    underWay: new Set([`id-${mine}`]),
    backendAlive: isAlive,
  });
  // A backend that another test starts at this moment may have been faster.
  assert.ok(!undone.includes(living));
  assert.ok(!undone.includes(mine));
  await until('its container is gone', async () => (await incus.instance(buildContainerName(dead))) === undefined);
  await until('so is its image', async () => (await incus.image(unfinished)) === undefined);
  assert.ok(await incus.instance(buildContainerName(living)));
  assert.ok(await incus.instance(other));
});

test('an image that somebody else made is not deleted', async t => {
  const alias = tempAlias(t);
  await incus.createAlias(alias, (await findImage(incus, BASE))?.fingerprint ?? '');
  await assert.rejects(deleteImage(incus, alias), isFailure('conflict', /not built by/));
  assert.ok(await incus.imageAlias(alias));
  await incus.deleteAlias(alias);
});

test('deleting an alias keeps an image that has another one, and takes its dated alias along otherwise', async t => {
  const [one, two] = [tempAlias(t), tempAlias(t)];
  const small = await tempInstance(t, incus, { source: { alias: BASE }, start: false });
  const fingerprint = await incus.publish(small, { compression: 'none', properties: { [BUILD_PROPERTY]: one } });
  for (const alias of [one, two, `${two}-20260102-030405`]) await incus.createAlias(alias, fingerprint);
  await deleteImage(incus, one);
  assert.equal(await incus.imageAlias(one), undefined);
  assert.ok(await incus.image(fingerprint));
  await deleteImage(incus, two);
  assert.equal(await incus.image(fingerprint), undefined);
  await assert.rejects(deleteImage(incus, two), isFailure('not-found'));
});

test('a bare base becomes an image for slots: aliases, properties, record, phases', async () => {
  await main.result;
  const image = await findImage(incus, prepared);
  assert.ok(image);
  assert.equal(image.aliases.length, 2);
  assert.match(image.aliases.find(alias => alias !== prepared) ?? '', /-\d{8}-\d{6}$/);
  const listed = (await listImages(incus)).filter(info => info.fingerprint === image.fingerprint);
  assert.deepEqual(
    listed.map(info => [info.alias, info.agents]),
    [[prepared, ['pi']]],
  );
  assert.match(listed[0]?.agentVersions?.pi ?? '', /^\d+\.\d+/);
  const meta = JSON.parse(await readFile(join(deps.home, '.coi', 'image-meta.json'), 'utf8'));
  assert.equal(meta[prepared].base_image, BASE);
  assert.ok(Date.parse(meta[prepared].built_at) > Date.now() - 3_600_000);
  const phases = 'base boot network packages user node agents finish publish warm done';
  assert.equal([...new Set(main.told.map(p => p.phase))].join(' '), phases);
  assert.equal(await incus.instance(buildContainerName(prepared)), undefined);
});

test('a container from it is a machine of its own with the user code, and shows nothing of the build', async t => {
  const name = await tempInstance(t, incus, { source: { alias: prepared } });
  const twin = await tempInstance(t, incus, { source: { alias: prepared } });
  const run = async (command: string, container = name) => {
    const argv = ['setpriv', '--reuid', 'code', '--regid', 'code', '--init-groups', 'env', 'HOME=/home/code'];
    const result = await incus.exec(container, [...argv, 'bash', '-c', command]);
    assert.equal(result.exitCode, 0, `${command}: ${result.stderr}`);
    return result.stdout.toString().trim();
  };
  await until('boot', async () => /running|degraded/.test(await run('systemctl is-system-running || true')));
  assert.equal(await run('id -u; hostname; sudo id -u; pi --version >/dev/null && node -p 42'), `1000\n${name}\n0\n42`);
  assert.equal((await run('tmux -V && git --version && rg --version && jq --version')) === '', false);
  assert.equal(await run('getent hosts "$(hostname)" >/dev/null && echo known'), 'known');
  const ids = [await run('cat /etc/machine-id'), await run('cat /etc/machine-id', twin)];
  assert.match(ids[0] ?? '', /^[0-9a-f]{32}$/);
  assert.notEqual(ids[0], ids[1]);
  assert.equal(
    await run(
      'ls -d /run/incus-agents-build /usr/sbin/policy-rc.d /var/tmp/incus-agents-npm 2>&1 | wc -l; sudo ls /root/.npm 2>&1 | wc -l',
    ),
    '3\n1',
  );
  const base = await tempInstance(t, incus, { source: { alias: BASE }, start: true });
  const sources = 'cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true';
  const of = async (container: string) => (await incus.exec(container, ['sh', '-c', sources])).stdout.toString();
  assert.equal(await of(name), await of(base));
});

test('a tmux socket in /tmp survives the cleaning of /tmp at boot', async t => {
  const name = await tempInstance(t, incus, { source: { alias: prepared } });
  const tmux = (...words: string[]) =>
    incus.exec(name, ['setpriv', '--reuid', '1000', '--clear-groups', 'tmux', ...words]);
  const succeeds = async (...words: string[]) => (await tmux(...words)).exitCode === 0;
  // Incus may say of one that ran that it did not.
  await until(
    'tmux',
    async () => (await succeeds('has-session', '-t', 'x')) || succeeds('new-session', '-d', '-s', 'x', 'sleep 1000'),
  );
  const cleaned = 'systemctl show -P ActiveState systemd-tmpfiles-setup.service';
  await until('cleaning', async () => (await incus.exec(name, ['sh', '-c', cleaned])).stdout.toString() === 'active\n');
  await incus.exec(name, ['systemd-tmpfiles', '--create', '--remove', '--boot']);
  await incus.exec(name, ['systemd-tmpfiles', '--clean']);
  assert.equal((await tmux('has-session', '-t', 'x')).exitCode, 0);
});

test('a script and commands run as root on a prepared base, and what the base has is not done again', async t => {
  const alias = tempAlias(t);
  const script = join(await tempDirectory(t), 'build.sh');
  await writeFile(script, 'id -u > /opt/script; echo "said by the script"\n');
  const commands = ["printf '%s' \"it's\" > /opt/command", 'cat /opt/script >> /opt/command'];
  const build = startBuild(deps, { alias, base: prepared, script, commands, agents: ['pi'], compression: 'none' });
  await build.result;
  assert.ok(build.told.some(p => p.log?.includes('said by the script')));
  assert.ok(!build.told.some(p => p.phase === 'packages' || p.phase === 'agents'));
  assert.deepEqual((await listImages(incus)).find(info => info.alias === alias)?.agents, ['pi']);
  const name = await tempInstance(t, incus, { source: { alias } });
  assert.equal((await incus.readFile(name, '/opt/command'))?.toString(), "it's0\n");
});

test('a step that fails is named with its last words and the log, and leaves nothing behind', async t => {
  const alias = tempAlias(t);
  const commands = ['true', 'echo "E: no such thing" >&2; exit 7'];
  const { result } = startBuild(deps, { alias, base: prepared, commands, compression: 'none' });
  const failure = await result.then(
    () => assert.fail('built'),
    (error: unknown) => error,
  );
  assert.ok(failure instanceof Failure);
  assert.equal(failure.kind, 'config');
  assert.match(failure.message, /"command-2".*exit code 7: E: no such thing/s);
  const path = /(\/\S+\.log)/.exec(failure.hint ?? '')?.[1] ?? '';
  assert.match(await readFile(path, 'utf8'), /E: no such thing/);
  await nothingLeft(alias);
});

test('a cancelled build leaves nothing behind, whichever step it was in', async t => {
  for (const phase of ['base', 'boot', 'command-1', 'publish', 'warm']) {
    const alias = tempAlias(t);
    const recipe = { alias, base: prepared, commands: ['sleep 3 & wait'], compression: 'none' };
    const build = startBuild(deps, recipe, p => {
      if (p.phase === phase) setImmediate(() => build.cancel());
    });
    await assert.rejects(build.result, isFailure('cancelled'), phase);
    await nothingLeft(alias);
  }
});

test('the same alias is built once at a time', async t => {
  const alias = tempAlias(t);
  const first = startBuild(deps, { alias, base: prepared, commands: ['sleep 1000'], compression: 'none' });
  await until('the first build', () => first.told.some(p => p.phase === 'command-1'), 180_000);
  await assert.rejects(startBuild(deps, { alias, base: prepared }).result, isFailure('conflict', /being built/));
  first.cancel();
  await assert.rejects(first.result, isFailure('cancelled'));
});

test('what cannot be built is refused before anything is made', async t => {
  const alias = tempAlias(t);
  const refused = async (recipe: object, kind: string) => {
    const logs = await readdir(join(deps.home, '.coi', 'logs'));
    await assert.rejects(startBuild(deps, { alias, base: prepared, ...recipe }).result, isFailure(kind));
    assert.deepEqual(await readdir(join(deps.home, '.coi', 'logs')), logs);
  };
  await refused({ alias: '-x' }, 'invalid');
  await refused({ base: 'no-such-image' }, 'not-found');
  await refused({ base: 'nowhere:debian/12' }, 'not-found');
  await refused({ agents: ['nobody'] }, 'config');
  await refused({ compression: 'best' }, 'config');
  await refused({ script: '/no/such/script' }, 'config');
});

test('an image is found by its alias and by the beginning of its fingerprint', async () => {
  assert.equal(await findImage(incus, 'no-such-image'), undefined);
  const fingerprint = (await findImage(incus, prepared))?.fingerprint ?? '';
  assert.equal((await findImage(incus, fingerprint.slice(0, 12)))?.fingerprint, fingerprint);
});
