import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BACKEND_KEYS, CLIENT_KEYS, MACHINE_KEYS, WORKSPACE_KEYS } from '../../../extension/model/settingKeys.ts';
import { bytesOf } from '../../../server/config/magnitude.ts';
import { SCHEMA } from '../../../server/config/schema.ts';
import { SETTINGS } from '../../../server/config/settings.ts';
import { type Desk, desk } from './harness.ts';

/*
 * The project as the attacker: for every key that there is, all values of a list are written into the project's files, against every
 * value that the user may have. What comes out must be as firm as what the user has alone.
 */

/** How firm a value is, reckoned here anew; more is firmer. */
type Firmness = (value: unknown) => number;

const ladder =
  (...steps: unknown[]): Firmness =>
  value =>
    steps.indexOf(value);

/** A size or a number where less is firmer, and nothing at all means no limit. */
const atMost: Firmness = value => {
  const amount = typeof value === 'number' ? value : (bytesOf(String(value).replace(/iops$/, '')) ?? Number.NaN);
  return amount > 0 ? 1 / amount : 0;
};

interface Trial {
  firmness: Firmness;
  /** TOML of what either side may say. */
  values: string[];
}

const sizes = (...more: string[]): Trial => ({
  firmness: atMost,
  values: ['""', '"0"', '"0B"', '"0GiB"', '"1MiB"', '"2GiB"', '"2GB"', '"900GiB"', ...more].filter(
    one => one !== '"%"',
  ),
});
const percents: Firmness = value => {
  const [, amount] = /^(\d+)%$/.exec(String(value)) ?? [];
  return amount === undefined ? atMost(value) : 0;
};

/** Keys where one value is firmer than another. */
const TIGHTENED: Readonly<Record<string, Trial>> = {
  'container.docker': { firmness: ladder(true, false), values: ['true', 'false'] },
  'network.mode': {
    firmness: ladder('open', 'restricted', 'allowlist'),
    values: ['"open"', '"restricted"', '"allowlist"', '""'],
  },
  'network.block_private_networks': { firmness: ladder(false, true), values: ['true', 'false'] },
  'network.block_metadata_endpoint': { firmness: ladder(false, true), values: ['true', 'false'] },
  'network.allow_local_network_access': { firmness: ladder(true, false), values: ['true', 'false'] },
  'network.logging.enabled': { firmness: ladder(false, true), values: ['true', 'false'] },
  'tool.permission_mode': { firmness: ladder('bypass', 'interactive'), values: ['"bypass"', '"interactive"', '""'] },
  'security.protection': { firmness: ladder('off', 'weak', 'locked'), values: ['"off"', '"weak"', '"locked"'] },
  'security.disable_protection': { firmness: ladder(true, false), values: ['true', 'false'] },
  'limits.cpu.count': {
    // A set of CPUs cannot be compared with another or with a number: it may only stand where there was no limit.
    firmness: value => (/[,-]/.test(String(value)) ? 0 : atMost(value)),
    values: ['""', '"0"', '"1"', '"2"', '"64"', '"0-63"', '"0-0"', '"0,1"'],
  },
  'limits.cpu.allowance': {
    // A share in percent holds only while others want the processor too.
    firmness: value => {
      const [, some, of] = /^(\d+)ms\/(\d+)ms$/.exec(String(value)) ?? [];
      const share = Number(some) / Number(of);
      if (share > 0) return 1000 / share;
      const percent = Number(/^(\d+)%$/.exec(String(value))?.[1]);
      return percent > 0 ? 1 / percent : 0;
    },
    values: [
      '""',
      '"0%"',
      '"5%"',
      '"50%"',
      '"0ms/100ms"',
      '"20ms/100ms"',
      '"90ms/100ms"',
      '"10ms/0ms"',
      '"1ms/1000ms"',
    ],
  },
  'limits.cpu.priority': { firmness: atMost, values: ['0', '1', '10'] },
  'limits.memory.limit': { firmness: percents, values: [...sizes().values, '"0%"'] },
  'limits.memory.enforce': { firmness: ladder('soft', 'hard'), values: ['"soft"', '"hard"', '""'] },
  'limits.memory.swap': {
    firmness: value => (value === 'false' ? Number.POSITIVE_INFINITY : value === 'true' ? 0 : atMost(value)),
    values: ['"true"', '"false"', '"0B"', '"1MiB"', '"900GiB"'],
  },
  'limits.disk.read': sizes('"0iops"', '"0MB"'),
  'limits.disk.write': sizes('"0iops"', '"0MB"'),
  'limits.disk.max': sizes('"0iops"', '"0MB"'),
  'limits.disk.priority': { firmness: atMost, values: ['0', '1', '10'] },
  'limits.disk.size': sizes(),
  'limits.disk.tmpfs_size': sizes(),
  'limits.runtime.max_duration': {
    firmness: value => {
      const hours = /^(\d+)h$/.exec(String(value))?.[1];
      return hours !== undefined && Number(hours) > 0 ? 1 / Number(hours) : 0;
    },
    values: ['""', '"0s"', '"0h"', '"0.0ms"', '"1h"', '"2h"', '"9h"'],
  },
  'limits.runtime.max_processes': { firmness: atMost, values: ['0', '1', '100', '100000'] },
  'limits.runtime.auto_stop': { firmness: ladder(false, true), values: ['true', 'false'] },
};

/** Keys of lists and tables that add up, where a project must not take away or add without approval. */
const ASKED: Readonly<Record<string, string>> = {
  'defaults.forward_env': '["AWS_SECRET_ACCESS_KEY"]',
  'defaults.env_commands': '{ X = "id" }',
  'container.image': '"private"',
  'network.allowed_domains': '["evil.test"]',
  'network.presets': '["npm"]',
  'network.hosts': '[{ ip = "10.0.0.1", hostnames = ["api.anthropic.com"] }]',
  'ssh.forward_agent': 'true',
  'tool.binary': '"/workspace/evil"',
  mounts: '[{ host = "/", container = "/host" }]',
  sockets: '[{ host = "/var/run/docker.sock", container = "/run/docker.sock" }]',
  credentials: '[{ bundle = "aws" }]',
  'ports.pool': '5',
  'ports.map': '[{ name = "web", container = 80 }]',
};

/** Keys that a project may set as it likes: none of them says what a slot reaches, may do or keeps. */
const FREE: ReadonlySet<string> = new Set([
  ...['container.persistent', 'container.ready_timeout'],
  ...['container.alias', 'container.stale_base_check', 'container.build.base'],
  ...[
    'container.build.commands',
    'container.build.compression',
    'container.build.agents',
    'container.build.cloud_init',
  ],
  ...['paths.preserve_workspace_path', 'shell.use_tmux', 'timezone.mode', 'timezone.name'],
  ...['network.refresh_interval_minutes', 'tool.name', 'tool.auto_context', 'tool.context_json'],
  ...['tool.claude.effort_level', 'tool.claude.model', 'tool.codex.model', 'tool.codex.reasoning_effort'],
  ...['tool.opencode.model', 'tool.gemini.model', 'limits.runtime.stop_graceful'],
  // These add to what is protected or hidden.
  ...['security.additional_protected_paths', 'security.secret_paths'],
]);

/** Free up to what nobody minds. */
const CAPPED = 'container.shutdown_timeout';

/** Tried in the other tests of a project's file, since they need more than a value. */
const PATHS: ReadonlySet<string> = new Set(['container.build.script', 'context']);
/** Free but for names that lead a login elsewhere or load foreign code. */
const VARIABLES = 'defaults.environment';

test('every key is one that a project can only tighten, must ask for, must not set, or that was found harmless', () => {
  for (const [key, { project }] of SCHEMA) {
    const named = [
      TIGHTENED[key] !== undefined && project.rule === 'tighten',
      ASKED[key] !== undefined && project.rule === 'ask',
      FREE.has(key) && project.rule === 'free',
      (PATHS.has(key) || key === CAPPED) && project.rule === 'tighten',
      key === VARIABLES && project.rule === 'ask',
      project.rule === 'never',
    ];
    assert.equal(
      named.filter(Boolean).length,
      1,
      `${key} (${project.rule}): decide what a hostile project may do with it`,
    );
  }
});

test('a folder’s settings.json sets nothing that its .coi could not set too', () => {
  // How many slots there may be is the machine's to say in a file; in the editor a trusted folder may ask for fewer or more.
  for (const name of WORKSPACE_KEYS.filter(name => name !== 'maxSlots'))
    assert.ok(FREE.has(SETTINGS[name] ?? '') || SETTINGS[name] === CAPPED, `${name} must be a setting of the machine`);
  for (const name of Object.keys(SETTINGS)) {
    const homes = [WORKSPACE_KEYS, MACHINE_KEYS].filter(keys => (keys as readonly string[]).includes(name));
    assert.equal(homes.length, 1, name);
  }
  for (const name of [...BACKEND_KEYS, ...CLIENT_KEYS]) assert.equal(SETTINGS[name], undefined, name);
});

/** Where both sides say it: the user's configuration, and the project's. */
interface Where {
  user: (key: string, said: string) => string;
  project: (d: Desk, text: string) => Promise<unknown>;
}
const inFile = (key: string, said: string) => `${key} = ${said}\n`;
const PLACES: Readonly<Record<string, Where>> = {
  'the file': { user: inFile, project: (d, text) => d.project(text) },
  'the old file': { user: inFile, project: (d, text) => d.file('work/.coi.toml', text) },
  'a profile of the name that the user chose': {
    user: (key, said) => `[defaults]\nprofile = "mine"\n[profiles.mine]\n${key} = ${said}\n`,
    project: (d, text) => d.profile('mine', text, 'work'),
  },
};

for (const [key, { firmness, values }] of Object.entries(TIGHTENED))
  test(`no value of a project makes ${key} weaker`, async t => {
    let tightened = 0;
    for (const [name, { user, project }] of Object.entries(PLACES)) {
      const [alone, both] = [await desk(t), await desk(t)];
      for (const own of values) {
        await Promise.all([alone, both].map(d => d.user(user(key, own))));
        const before = (await alone.load()).get(key as 'network.mode');
        for (const theirs of values) {
          await project(both, `${key} = ${theirs}\n`);
          const after = (await both.load()).get(key as 'network.mode');
          const said = `${name}: ${own} of the user, ${theirs} of the project: ${before} became ${after}`;
          assert.ok(after === before || firmness(after) >= firmness(before), said);
          if (after !== before) tightened++;
        }
      }
    }
    assert.ok(tightened > 0, 'a project can tighten it, so the trial can see a change');
  });

for (const [key, said] of Object.entries(ASKED))
  test(`a project gets nothing by ${key} that was not approved`, async t => {
    const d = await desk(t);
    const before = (await d.load()).get(key as 'mounts');
    const text = `${key} = ${said}\n`;
    const root = key.replace(/^defaults\./, '');
    await d.project(`${text}[profiles.inline]\n${root} = ${said}\n`);
    await d.profile('folder', `${root} = ${said}\n`, 'work');
    for (const profile of [undefined, 'inline', 'folder']) {
      const config = await d.load(profile === undefined ? {} : { profile });
      assert.deepEqual(config.get(key as 'mounts'), before, profile);
      assert.ok(config.gated.length > 0, `${profile}: it is asked for`);
    }
  });

test('a project has a stop take minutes at most', async t => {
  const d = await desk(t);
  for (const [said, seconds] of [
    [300, 300],
    [601, 60],
    [86_400, 60],
  ]) {
    await d.project(`[container]\nshutdown_timeout = ${said}\n`);
    assert.equal((await d.load()).get(CAPPED), seconds, `${said}`);
  }
});

test('the image that is in force without the project is free, and no other that the user has a name for', async t => {
  const d = await desk(t);
  await d.project('[container]\nimage = "work-private"\n');
  await d.profile('theirs', '[container]\nimage = "work-private"\n', 'work');
  await d.profile('mine', '[container]\nimage = "work-private"\n');
  const image = async (more = {}) => {
    const config = await d.load(more);
    return [config.get('container.image'), config.gated.length];
  };
  assert.deepEqual(await image(), ['coi-default', 1], 'a profile that is not in force');
  assert.deepEqual(await image({ profile: 'theirs' }), ['coi-default', 2]);
  for (const chosen of [{ profile: 'mine' }, { settings: { image: 'work-private' } }])
    assert.deepEqual(await image(chosen), ['work-private', 0], JSON.stringify(chosen));
  await d.user('[container]\nimage = "work-private"\n');
  assert.deepEqual(await image(), ['work-private', 0]);
  assert.deepEqual(await image({ profile: 'theirs' }), ['work-private', 0]);
  await d.user('[container]\nimage = "hardened"\n');
  await d.project('[container]\nimage = "coi-default"\n');
  assert.deepEqual(await image(), ['hardened', 1], 'the default takes the place of the user’s own choice');
  await d.user('');
  assert.deepEqual(await image(), ['coi-default', 0]);
});

test('variables that lead a login elsewhere, or load foreign code, are asked for', async t => {
  const d = await desk(t);
  const redirecting = [
    ...[
      'ANTHROPIC_BASE_URL',
      'OPENAI_API_BASE',
      'AWS_ENDPOINT_URL',
      'AWS_ENDPOINT_URL_BEDROCK',
      'HTTPS_PROXY',
      'all_proxy',
    ],
    ...['OPENCODE_CONFIG', 'OPENCODE_CONFIG_CONTENT', 'CLAUDE_CONFIG_DIR', 'CODEX_HOME', 'XDG_CONFIG_HOME'],
    ...[
      'ANTHROPIC_CUSTOM_HEADERS',
      'NODE_OPTIONS',
      'LD_PRELOAD',
      'BASH_ENV',
      'PATH',
      'GIT_SSH_COMMAND',
      'GIT_CONFIG_COUNT',
    ],
    ...['NODE_EXTRA_CA_CERTS', 'CODE_ASSIST_ENDPOINT', 'GEMINI_CLI_SYSTEM_SETTINGS_PATH', 'GIT_ASKPASS'],
  ];
  const lines = [...redirecting, 'RUST_LOG', 'PYTHONPATH', 'GIT_AUTHOR_NAME'].map(name => `${name} = "x"`);
  await d.project(`[defaults.environment]\n${lines.join('\n')}\n`);
  const config = await d.load();
  assert.deepEqual(Object.keys(config.get('defaults.environment')).sort(), [
    'GIT_AUTHOR_NAME',
    'PYTHONPATH',
    'RUST_LOG',
  ]);
  assert.equal(config.gated.length, redirecting.length);
});

test('a project’s profile does not take the place of one of the user’s, wherever both are written', async t => {
  const firm = 'network.mode = "allowlist"\ncontainer.docker = false\n';
  for (const mine of ['inline', 'folder'] as const)
    for (const theirs of ['inline', 'folder'] as const) {
      const d = await desk(t);
      if (mine === 'inline') await d.user(`[defaults]\nprofile = "firm"\n[profiles.firm]\n${firm}`);
      else {
        await d.user('[defaults]\nprofile = "firm"\n');
        await d.profile('firm', firm);
      }
      if (theirs === 'inline') await d.project('[profiles.firm]\n');
      else await d.profile('firm', '', 'work');
      const config = await d.load();
      assert.equal(config.get('network.mode'), 'allowlist', `${mine}, ${theirs}`);
      assert.equal(config.get('container.docker'), false, `${mine}, ${theirs}`);
    }
});
