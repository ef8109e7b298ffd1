import assert from 'node:assert/strict';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Lab, makeLab } from '../incus/flows/support.ts';
import type { TestBackend } from '../support/backend.ts';
import type { Attacker } from './attack.ts';
import { inReverse } from './protect/place.ts';
import { Table } from './table.ts';

const skip = process.getuid?.() !== 0;

/**
 * Each puts a host of its own, `N.evil.example`, where a client or this program might read it. `file` is in the workspace; `home` is where
 * the same text counts, below the user's home.
 */
const ATTACKS: readonly { name: string; file: string; text: string; home: string }[] = [
  { name: "the project's npmrc", file: '.npmrc', text: 'registry=https://0.evil.example/', home: '.npmrc' },
  {
    name: "the project's pip.conf",
    file: 'pip.conf',
    text: '[global]\nindex-url=https://1.evil.example/simple',
    home: '.pip/pip.conf',
  },
  {
    name: 'a file that a link of the user leads to',
    file: 'linked/pip.conf',
    text: '[install]\nextra-index-url=https://2.evil.example/simple',
    home: '.config/pip/pip.conf',
  },
  {
    name: 'the file of allowed hosts, in the project',
    file: '.coi/incus-agents/workspaces.toml',
    text: '[workspaces."WORKSPACE".network]\nallowed_domains = ["3.evil.example"]',
    home: '.coi/incus-agents/workspaces.toml',
  },
  {
    name: "the project's configuration",
    file: '.coi/config.toml',
    text: '[network]\nmode = "allowlist"\npresets = ["apt"]\nallowed_domains = ["4.evil.example"]',
    home: '.coi/config.toml',
  },
];

/** What a slot that is started anew lets through. */
async function allowedNow(backend: TestBackend, container: string): Promise<string> {
  await backend.call('slot/stop', { container });
  await backend.call('slot/start', { container });
  return ((await backend.call('slot/reach', { container })).network.allowed ?? []).join(' ');
}

function broken(allowed: string, at: number): string | undefined {
  return new RegExp(`\\b${at}\\.evil\\.example`).exec(allowed)?.[0];
}

/** Slots with an allow-list, in whose workspace everything can be written, for a user whose pip.conf is a link into it. */
async function setUp(t: TestContext): Promise<{ lab: Lab; workspace: string }> {
  const end = inReverse(t);
  const lab = await makeLab();
  end.after(() => lab.close());
  const workspace = await lab.workspace();
  await mkdir(join(lab.home, '.config'));
  await symlink(join(workspace, 'linked'), join(lab.home, '.config/pip'));
  const network = 'mode = "allowlist"\nallowed_domains = ["allowed.example"]\npresets = ["npm", "pip"]\n';
  await lab.write(join(lab.home, '.coi/config.toml'), `[security]\nwritable_paths = [".coi"]\n[network]\n${network}`);
  await lab.write(join(lab.home, '.npmrc'), '@team:registry=https://team.example/\n');
  await lab.write(join(lab.home, '.pip/pip.conf'), '[download]\nindex-url=https://pip.example/\n');
  return { lab, workspace };
}

test('an allow-list is not widened by what an agent writes', { skip, timeout: 300_000 }, async t => {
  const table = new Table(t, 'Allow-list');
  const { lab, workspace } = await setUp(t);
  const backend = await lab.backend({ settings: { network: undefined } });
  const { container } = await lab.open(backend, workspace, { persistent: true });
  const write = ATTACKS.map(
    ({ file, text }) => `mkdir -p $(dirname ${file}); rm -f ${file}; printf '${textFor(text, workspace)}' >${file}`,
  );
  for (const as of ['root', 'code'] as const satisfies Attacker[]) {
    const script = [...write, 'cp .npmrc ~; mkdir -p ~/.config/pip; cp pip.conf ~/.config/pip', 'echo written'].join(
      '\n',
    );
    const { stdout, stderr } = await backend.call('slot/exec', { container, argv: ['sh', '-ec', script], user: as });
    assert.equal(stdout, 'written\n', stderr);
    const allowed = await allowedNow(backend, container);
    for (const [at, { name }] of ATTACKS.entries())
      await t.test(`${name}, as ${as}`, () => table.held(name, as, broken(allowed, at)));
    await backend.call('slot/exec', {
      container,
      argv: ['sh', '-c', `rm -rf ${ATTACKS.map(one => one.file).join(' ')}`],
      user: 'root',
    });
  }
  // The same texts count where they are the user's own.
  await rm(join(lab.home, '.config/pip'));
  for (const [at, { name, text, home }] of ATTACKS.entries())
    await t.test(`control: ${name}`, async () => {
      await lab.write(join(lab.home, home), textFor(text, workspace).replaceAll('\\n', '\n'));
      table.control(name, 'root', broken(await allowedNow(backend, container), at));
    });
});

/** As a word of `printf`. */
function textFor(text: string, workspace: string): string {
  return text.replace('WORKSPACE', workspace).replaceAll('\n', '\\n');
}
