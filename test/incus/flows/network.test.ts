import assert from 'node:assert/strict';
import { chown, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sh } from '../../redteam/network/place.ts';
import { inReverse } from '../../redteam/protect/place.ts';
import type { TestBackend } from '../../support/backend.ts';
import { ADDRESSES, KNOWN_NAME, testHosts } from '../../support/test-hosts.ts';
import { uniqueName, until } from '../support.ts';
import { failureOf, makeLab, OWNER } from './support.ts';

const skip = process.getuid?.() !== 0;

/** A lab whose slots have the network that the user's own file says. */
async function begin(end: Pick<TestContext, 'after'>) {
  const lab = await makeLab();
  end.after(() => lab.close());
  const backend = await lab.backend({ settings: { network: undefined } });
  const configure = (text: string) => lab.write(`${lab.home}/.coi/config.toml`, text);
  return { lab, backend, configure };
}

/** What a command inside, run as the agent's user, wrote. */
async function inside(backend: TestBackend, container: string, script: string): Promise<string> {
  const { stdout, stderr } = await backend.call('slot/exec', {
    container,
    argv: ['timeout', '20', 'sh', '-c', script],
  });
  return stdout + stderr;
}

const HOSTS = `[[network.hosts]]\nip = "${ADDRESSES.private10}"\nhostnames = ["db.example", "cache.example"]\n`;

test('names inside are those of the configuration, in every start anew', { skip, timeout: 300_000 }, async t => {
  const end = inReverse(t);
  await testHosts(end);
  const { lab, backend, configure } = await begin(end);
  await configure(`[network]\ndns_servers = ["${ADDRESSES.resolver}"]\n${HOSTS}`);
  const workspace = await lab.workspace();
  const { container } = await lab.open(backend, workspace, { persistent: true });
  const look = (script: string) => inside(backend, container, script);
  // A slot is open before it has its address.
  const reaches = (name: string) =>
    until(`${name} is reached`, async () => /REACHED: a test host/.test(await look(`curl -s -m 5 http://${name}/`)));
  const blocks = () => look('grep -c "BEGIN Incus Agents" /etc/hosts; grep -c db.example /etc/hosts');
  await t.test('fixed addresses are found and reached by name, others are asked of the only resolver', async () => {
    await reaches(KNOWN_NAME);
    const first = `getent ahostsv4 ${KNOWN_NAME} | head -n 1 | cut -d" " -f1`;
    await until('its address is found', async () => (await look(first)) === `${ADDRESSES.internet}\n`);
    await reaches('cache.example');
    assert.equal(await look('grep ^nameserver /etc/resolv.conf'), `nameserver ${ADDRESSES.resolver}\n`);
    // Also who asks the service and not the file.
    const asked = async () => (await look(`resolvectl query -4 ${KNOWN_NAME} 2>&1`)).includes(ADDRESSES.internet);
    await until('the service knows it too', asked); // It is asked by the bus, which may not be up yet.
  });
  await t.test('a change of a running slot leaves one block', async () => {
    await backend.call('slot/configure', { container, network: { mode: 'open' } });
    await backend.call('slot/configure', { container, network: { mode: 'restricted' } });
    assert.equal(await blocks(), '1\n1\n');
    await reaches('db.example');
  });
  await t.test('so does a new start', async () => {
    await backend.call('slot/stop', { container });
    await backend.call('slot/start', { container });
    assert.equal(await blocks(), '1\n1\n');
    await reaches('db.example');
  });
  await t.test('and one without them gives back what the image has', async () => {
    await configure('');
    await backend.call('slot/stop', { container });
    await backend.call('slot/start', { container });
    assert.equal(await blocks(), '0\n0\n');
    assert.match(await look('readlink /etc/resolv.conf'), /stub-resolv\.conf/);
    const status = await until('the service tells its servers', async () => {
      const text = await look('resolvectl status 2>&1');
      return /DNS Servers?:/.test(text) && text;
    });
    assert.doesNotMatch(status, new RegExp(ADDRESSES.resolver.replaceAll('.', '\\.')));
  });
});

test('a running slot gets its way to allowed hosts by a change, and asks a resolver at home', {
  skip,
  timeout: 300_000,
}, async t => {
  const end = inReverse(t);
  await testHosts(end);
  const { lab, backend, configure } = await begin(end);
  await configure(`[network]\ndns_servers = ["${ADDRESSES.private10}"]\nallowed_domains = ["${KNOWN_NAME}"]\n`);
  const { container } = await lab.open(backend, await lab.workspace(), { persistent: true });
  // As the terminal of a new shell does it.
  const look = (script: string) =>
    inside(backend, container, `[ ! -r ~/.incus-agents/environment ] || . ~/.incus-agents/environment; ${script}`);
  const web = (host: string) => look(`curl -s -m 5 http://${host}/ 2>&1`);
  const reaches = (host: string) =>
    until(`${host} to be reached`, async () => /REACHED: a test host/.test(await web(host)));
  const tmux = () => look(`TMUX_TMPDIR=~/.incus-agents/tmux tmux show-environment -g | grep -i proxy`);
  await t.test('a resolver in a private network is asked where its network is closed', async () => {
    await reaches(KNOWN_NAME);
    assert.doesNotMatch(await web(ADDRESSES.private10), /REACHED/);
    assert.doesNotMatch(await tmux(), /PROXY/);
  });
  await t.test('after the change a new shell reaches what is named by the proxy, and nothing else', async () => {
    await backend.call('slot/configure', { container, network: { mode: 'allowlist' } });
    await reaches(KNOWN_NAME);
    assert.doesNotMatch(await web(ADDRESSES.internet), /REACHED/);
    assert.doesNotMatch(await look(`curl -s -m 2 --noproxy '*' http://${ADDRESSES.internet}/`), /REACHED/);
    assert.match(await tmux(), /^HTTPS_PROXY=http:\/\/127\.0\.0\.1:\d+$/m);
    const told = () => backend.messages.map(({ message }) => message).find(text => /does not know/.test(text));
    assert.match(await until('the user is told', told), /slot 1 .*start/i);
    const { network } = await backend.call('slot/reach', { container });
    assert.deepEqual([network.mode, network.verified], ['allowlist', 'held']);
  });
  await t.test('an agent that is started again in it knows the proxy too', async () => {
    await look('TMUX_TMPDIR=~/.incus-agents/tmux tmux kill-server');
    await backend.call('slot/start', { container });
    assert.match(await tmux(), /^HTTPS_PROXY=/m);
  });
  await t.test('after a change away from it programs with the proxy go on, by the rules of then', async () => {
    await backend.call('slot/configure', { container, network: { mode: 'restricted' } });
    await reaches(KNOWN_NAME);
    await reaches(ADDRESSES.internet);
    assert.doesNotMatch(await web(ADDRESSES.private10), /REACHED/);
  });
  await t.test('and a new start is as the configuration says', async () => {
    await backend.call('slot/stop', { container });
    await backend.call('slot/start', { container });
    assert.equal((await lab.instance(container))?.devices['network-proxy'], undefined);
    assert.doesNotMatch(await tmux(), /PROXY/);
  });
});

test('presets stand for the registries of the user, whatever the project says', { skip, timeout: 300_000 }, async t => {
  const { lab, backend, configure } = await begin(t);
  const workspace = await lab.workspace();
  const file = `${lab.home}/.coi/config.toml`;
  await configure('[network]\nmode = "allowlist"\nallowed_domains = ["allowed.example"]\npresets = ["npm"]\n');
  await lab.write(`${workspace}/.npmrc`, 'registry=https://project.example/\n');
  await t.test('a client without any is a failure with its next step, and a problem at its place', async () => {
    const failure = await failureOf(lab.open(backend, workspace));
    assert.equal(failure.kind, 'config');
    assert.match(failure.message, /preset npm .* no host/);
    assert.match(failure.hint, /allowed_domains/);
    const { problems } = await backend.call('config/show', { workspace });
    assert.ok(
      problems.some(one => one.path === file && one.line === 4 && one.severity === 'error'),
      JSON.stringify(problems),
    );
  });
  await t.test('hosts without anything secret are what the slot and the agent are told', async () => {
    await lab.write(
      `${lab.home}/.npmrc`,
      'registry=https://me:hunter2@npm.example/a/\n@team:registry=http://team.example:4873/\n//npm.example/a/:_authToken=hunter2\n',
    );
    const { container } = await lab.open(backend, workspace);
    const { network } = await backend.call('slot/reach', { container });
    assert.deepEqual(network.allowed, ['allowed.example', 'npm.example:443', 'team.example:4873']);
    const config = (await lab.instance(container))?.config ?? {};
    assert.doesNotMatch(JSON.stringify(config), /hunter2|project\.example/);
  });
  await t.test('a host that is allowed for the workspace is in every later slot of it, and only there', async () => {
    const other = await lab.workspace();
    const { hosts } = await backend.call('config/allow', { workspace, hosts: ['more.example:8443'] });
    assert.deepEqual(hosts, ['more.example:8443']);
    const allowed = async (path: string) => {
      const { container } = await lab.open(backend, path);
      return (await backend.call('slot/reach', { container })).network.allowed;
    };
    assert.deepEqual(await allowed(workspace), [
      'allowed.example',
      'more.example:8443',
      'npm.example:443',
      'team.example:4873',
    ]);
    assert.deepEqual(await allowed(other), ['allowed.example', 'npm.example:443', 'team.example:4873']);
  });
  await t.test('what is no host, or could never be reached, is not remembered', async () => {
    const refuse = async (host: string) =>
      (await failureOf(backend.call('config/allow', { workspace, hosts: [host] }))).kind;
    assert.deepEqual(
      [await refuse('a b'), await refuse('[::1]'), await refuse('10.0.0.0/8')],
      ['invalid', 'invalid', 'config'],
    );
  });
});

test('the health of the network is told, and what is left of slots is removed', { skip }, async t => {
  const end = inReverse(t);
  const { lab, backend } = await begin(end);
  const table = `incus-agents-${uniqueName()}`;
  end.after(() => sh('nft', `add table netdev ${table}; delete table netdev ${table}`));
  sh('nft', `add table netdev ${table}`);
  const look = async (from: TestBackend) =>
    new Map((await from.call('health/check', {})).checks.map(check => [check.id, check]));
  await t.test('as root', async () => {
    const checks = await look(backend);
    for (const id of ['network.default', 'network.project', 'network.rules'])
      assert.equal(checks.get(id)?.status, 'ok', JSON.stringify(checks.get(id)));
    assert.match(checks.get('network.rules')?.message ?? '', /the kernel takes/);
    assert.match(checks.get('network.leftovers')?.detail ?? '', new RegExp(`^${table}$`, 'm'));
    assert.equal(checks.get('network.leftovers')?.fix?.action, 'mend');
    await backend.call('health/fix', { id: 'network.leftovers' });
    assert.doesNotMatch(sh('nft', 'list', 'tables'), new RegExp(table));
  });
  await t.test('as a user who may not look at rules, with what is not known', async () => {
    const home = join(lab.directory, 'user');
    await mkdir(home);
    await chown(home, OWNER.uid, OWNER.gid);
    const { gid } = await stat(lab.incus.target.socketPath);
    const checks = await look(await lab.backend({ uid: OWNER.uid, gid, env: { HOME: home } }));
    for (const id of ['network.default', 'network.project', 'network.rules'])
      assert.equal(checks.get(id)?.status, 'ok', JSON.stringify(checks.get(id)));
    assert.match(checks.get('network.forwarding')?.message ?? '', /was not looked at/);
    assert.match(checks.get('network.leftovers')?.detail ?? '', /Only root/);
  });
});
