import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../server/base/log.ts';
import { Incus } from '../../server/incus/client.ts';
import { findSocket } from '../../server/incus/target.ts';
import { destroy } from '../../server/slots/lifecycle.ts';
import { inReverse, onHost } from '../redteam/protect/place.ts';
import { failureOf, incusCliSoon, makeLab, OWNER } from './flows/support.ts';
import { rebootInside } from './reboot.ts';
import { connect, uniqueName } from './support.ts';

const skip = process.getuid?.() !== 0;

/** What an administrator allows whose users shall not become root: no low-level options, nothing of the host but what is named. */
const RESTRICTED = {
  'features.images': 'false',
  'features.networks': 'false',
  'features.storage.volumes': 'false',
  'features.profiles': 'true',
  restricted: 'true',
  'restricted.containers.nesting': 'allow',
  'restricted.containers.interception': 'allow',
  'restricted.devices.disk': 'allow',
  'restricted.devices.nic': 'allow',
  'restricted.idmap.uid': '1000',
  'restricted.idmap.gid': '1000',
};

/** A project of the test's own, gone at the end with all that is in it. */
async function restrictedProject(t: Pick<TestContext, 'after'>): Promise<Incus> {
  const admin = await connect(t);
  const name = uniqueName('ia-restricted');
  await admin.request('POST', '/1.0/projects', { name, config: RESTRICTED }, { project: null });
  const incus = new Incus({ socketPath: await findSocket(), project: name }, silentLog);
  const devices = (await admin.profile('default'))?.devices ?? {};
  await admin.request('PUT', '/1.0/profiles/default', { config: {}, devices }, { project: name });
  t.after(async () => {
    for (const { name: instance } of await incus.instances()) await destroy(incus, instance);
    await incus.close();
    await incusCliSoon('project', 'delete', name);
  });
  return incus;
}

const WEAK = '[security]\nprotection = "weak"\n';
const OFF = '[security]\nprotection = "off"\n';
const OPEN = '[network]\nmode = "open"\n';

test('in a restricted project a slot opens only without what cannot be held there, chosen by name', {
  skip,
}, async t => {
  const end = inReverse(t);
  const lab = await makeLab();
  end.after(() => lab.close());
  const incus = await restrictedProject(end);
  const workspace = await lab.workspace();
  onHost(OWNER, workspace, 'git init -q .; mkdir .husky; git config user.name me');
  const keys = await lab.workspace();
  onHost(OWNER, keys, 'echo the-key >id');
  const listing = () => onHost(OWNER, workspace, 'find . -printf "%P %y %m %U %s\\n" | sort; git status --porcelain');
  const before = listing();
  const options = { args: ['--incus-project', incus.target.project], settings: { network: undefined } };
  const backend = await lab.backend(options);
  const user = (text: string) => lab.write(`${lab.home}/.coi/config.toml`, text);

  for (const [text, missing] of [
    ['', /restricts a network/],
    [WEAK, /restricts a network/],
    [OPEN, /protected paths need/],
    [`${WEAK}${OPEN}`, /protected paths need/],
    [OFF, /restricts a network/],
  ] as const) {
    await user(text);
    const failure = await failureOf(lab.open(backend, workspace));
    assert.equal(failure.kind, 'isolation');
    assert.match(failure.message, missing);
    assert.match(failure.hint, /in your own configuration/);
    assert.equal(listing(), before, 'a refusal leaves nothing');
  }

  await user(`${OFF}${OPEN}[limits.memory]\nlimit = "1GiB"\n`);
  const { container } = await lab.open(backend, workspace);
  await backend.when(container, slot => slot?.protection === 'off' && slot.network === 'open');
  const reach = await backend.call('slot/reach', { container });
  assert.deepEqual([reach.privileged, reach.protection], [false, []]);
  const root = (script: string) => incus.exec(container, ['sh', '-c', script], { user: 0 });
  const swap = `umount /workspace/.husky; rm -rf /workspace/.husky; ln -sfn '${keys}' /workspace/.husky`;
  assert.equal((await root(swap)).exitCode, 0);
  await rebootInside(incus, container);
  const { stdout } = await root('cat /workspace/.husky/id; grep husky /proc/self/mountinfo');
  assert.equal(stdout.toString(), '', 'no mount is led to anything of the user’s');
  onHost(OWNER, workspace, 'rm .husky; mkdir .husky');
  await backend.call('slot/close', { container, timeout: 0 });
  assert.equal(listing(), before, 'nothing is left, and nothing gone that was there');
});
