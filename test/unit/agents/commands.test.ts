import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergedContent } from '../../../server/agents/merge.ts';
import { agentNamed, agentNames } from '../../../server/agents/registry.ts';
import { mountedDirs } from '../../../server/agents/signal.ts';
import type { LaunchOptions } from '../../../server/agents/types.ts';

const ID = '11111111-2222-4333-8444-555555555555';

const options: LaunchOptions = {
  sessionId: ID,
  permissionMode: 'bypass',
  home: '/home/code',
  cwd: '/workspace',
  signalsDir: '/home/code/.incus-agents/signals',
};

const argv = (name: string, more: Partial<LaunchOptions> = {}) => agentNamed(name).command({ ...options, ...more });

test('claude: fresh with our id, resumed by id or the newest, a prompt that begins with a dash is no option', () => {
  assert.deepEqual(argv('claude').slice(-2), ['--session-id', ID]);
  assert.ok(argv('claude').join(' ').includes('--permission-mode bypassPermissions'));
  assert.ok(argv('claude', { permissionMode: 'interactive' }).join(' ').includes('--permission-mode default'));
  const resumed = argv('claude', { resume: { agentSessionId: 'abc' }, prompt: '-p', model: 'opus', effort: 'high' });
  assert.deepEqual(resumed.slice(-4), ['--resume', 'abc', '--', '-p']);
  assert.ok(resumed.join(' ').includes('--model opus --effort high'));
  assert.ok(!resumed.includes('--session-id'));
  assert.ok(argv('claude', { resume: {} }).includes('--continue'));
});

test('codex: resume by id or the last, both permission modes, no word of a prompt is an option', () => {
  assert.deepEqual(argv('codex', { resume: { agentSessionId: 'abc' }, prompt: '--last' }).slice(-3), [
    '--',
    'abc',
    '--last',
  ]);
  assert.ok(argv('codex', { resume: {} }).includes('--last'));
  assert.ok(argv('codex').includes('--dangerously-bypass-approvals-and-sandbox'));
  const interactive = argv('codex', { permissionMode: 'interactive' });
  assert.ok(interactive.join(' ').includes('--sandbox workspace-write --ask-for-approval on-request'));
  assert.ok(!interactive.includes('--dangerously-bypass-approvals-and-sandbox'));
  assert.ok(argv('codex', { cwd: '/a "b".c' }).includes('projects={"/a \\"b\\".c"={"trust_level"="trusted"}}'));
});

test('codex: a key that the configuration gives it is found by a provider of the machine’s configuration', () => {
  const file = (more: Partial<LaunchOptions> = {}) =>
    agentNamed('codex')
      .files({ ...options, ...more })
      .find(candidate => candidate.path === '/etc/codex/config.toml');
  const secrets = { OPENAI_API_KEY: 'sk-1' };
  const chosen = /^model_provider = "openai-key"$/m;
  const login = ['OPENAI_API_KEY'];
  assert.doesNotMatch(file({ secrets })?.content ?? '', chosen, 'a forwarded variable is no login');
  assert.match(file({ login })?.content ?? '', chosen);
  assert.match(file({ login, resume: { provider: 'openai-key' } })?.content ?? '', chosen);
  for (const resume of [{}, { provider: 'openai' }])
    assert.doesNotMatch(file({ login, resume })?.content ?? '', chosen, 'it asks for the login that began it');
  const content = file({ secrets, login })?.content ?? '';
  assert.match(content, /^base_url = "https:\/\/api.openai.com\/v1"\nenv_key = "OPENAI_API_KEY"$/m);
  const variables = { OPENAI_BASE_URL: 'http://"x' };
  assert.match(
    file({ login: ['OPENAI_API_KEY', 'CODEX_API_KEY'], variables })?.content ?? '',
    /^base_url = "http:\/\/\\"x"\nenv_key = "CODEX_API_KEY"$/m,
  );
  assert.equal(file()?.content.split('\n')[0], content.split('\n')[0], 'so it is replaced at the next start');
  assert.equal(file()?.merge, 'keep');
});

test('opencode and gemini: a prompt is joined to its option; resume by id or the newest', () => {
  assert.deepEqual(argv('opencode', { resume: { agentSessionId: 'ses_1' }, prompt: '-x' }), [
    'opencode',
    '--session',
    'ses_1',
    '--prompt=-x',
  ]);
  assert.deepEqual(argv('opencode', { resume: {} }), ['opencode', '--continue']);
  assert.deepEqual(argv('gemini', { prompt: '-x' }).slice(-3), ['--session-id', ID, '--prompt-interactive=-x']);
  assert.deepEqual(argv('gemini', { resume: {} }).slice(-2), ['--resume', 'latest']);
});

test('model and effort are options of each agent that has them', () => {
  const more = { model: 'm', effort: 'high' };
  assert.ok(argv('codex', more).join(' ').includes('--model m -c model_reasoning_effort="high"'));
  assert.deepEqual(argv('opencode', more).slice(0, 3), ['opencode', '--model', 'm']);
  assert.ok(argv('gemini', more).join(' ').includes('--model m'));
  for (const name of ['codex', 'opencode', 'gemini']) assert.ok(!argv(name).join(' ').includes('--model'), name);
});

test('another binary takes the place of the program', () => {
  for (const name of ['claude', 'codex', 'opencode', 'gemini', 'shell'])
    assert.equal(argv(name, { binary: '/opt/x y' })[0], '/opt/x y');
});

test('no secret is in a command line, in the environment or in any file but for the end of a key that claude knows', () => {
  const secrets = {
    ANTHROPIC_API_KEY: 'sk-secret-0123456789-abcdefghijklmnopqrst',
    OPENAI_API_KEY: 'sk-other-secret-9',
  };
  for (const name of agentNames()) {
    const agent = agentNamed(name);
    const o = { ...options, secrets };
    const all = JSON.stringify([agent.command(o), agent.environment(o), agent.files(o)]);
    for (const secret of Object.values(secrets)) assert.ok(!all.includes(secret), name);
  }
});

test('what holds a login is never below what a session keeps', () => {
  for (const name of agentNames()) {
    const agent = agentNamed(name);
    for (const file of agent.login.files)
      for (const dir of mountedDirs(agent)) assert.ok(!`${file}/`.startsWith(`${dir.home}/`), `${file} in ${dir.home}`);
  }
});

test('what an agent can take files back to goes with the session, never with a login that slots share', () => {
  const places = {
    claude: '.claude/file-history',
    opencode: '.local/share/opencode/snapshot',
  };
  for (const [name, place] of Object.entries(places)) {
    const dirs = mountedDirs(agentNamed(name), true);
    assert.deepEqual(
      dirs.filter(dir => dir.home === place),
      [{ saved: place, home: place, aside: true }],
    );
    assert.ok(mountedDirs(agentNamed(name)).some(dir => dir.home === place));
  }
});

test('first-run answers are merged into what an agent has, and our values win', () => {
  const file = agentNamed('claude')
    .files(options)
    .find(candidate => candidate.path === '/home/code/.claude.json');
  assert.ok(file);
  const before = JSON.stringify({
    oauthAccount: { name: 'me' },
    hasCompletedOnboarding: false,
    projects: { '/workspace': { history: [1] }, '/other': {} },
  });
  const merged = JSON.parse(mergedContent(file, before));
  assert.deepEqual(merged.oauthAccount, { name: 'me' });
  assert.equal(merged.hasCompletedOnboarding, true);
  assert.deepEqual(merged.projects['/workspace'].history, [1]);
  assert.equal(merged.projects['/workspace'].hasTrustDialogAccepted, true);
  assert.ok('/other' in merged.projects);
  for (const broken of ['', '{', '[]', 'null']) assert.equal(JSON.parse(mergedContent(file, broken)).theme, 'dark');
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
  mergedContent({ ...file, content: '{"__proto__":{"polluted":true}}' }, '{"__proto__":{"polluted":true}}');
  assert.equal(({} as Record<string, unknown>).polluted, undefined);
});

test('a declared agent: words, placeholders, state directory and environment', () => {
  const agent = agentNamed('mine', {
    mine: {
      command: ['mine', '--cwd={cwd}', '{prompt}'],
      resume: ['mine', '--resume', '{id}', '{prompt}'],
      stateDirectory: '.mine/state',
      environment: { MINE: '1' },
    },
  });
  assert.deepEqual(agent.command(options), ['mine', '--cwd=/workspace']);
  assert.deepEqual(agent.command({ ...options, prompt: 'a b' }), ['mine', '--cwd=/workspace', 'a b']);
  assert.deepEqual(agent.command({ ...options, resume: { agentSessionId: 'x' } }), ['mine', '--resume', 'x']);
  assert.deepEqual(agent.stateDirs, [{ saved: '.mine/state', home: '.mine/state' }]);
  assert.deepEqual(agent.environment(options), { MINE: '1' });
});

test('agents that cannot be are refused with what to do', () => {
  assert.throws(() => agentNamed('nobody'), /There is no agent "nobody"/);
  assert.throws(() => agentNamed('__proto__'), /There is no agent/);
  assert.throws(() => agentNamed('toString', {}), /There is no agent/);
  for (const table of [
    { command: [] },
    { command: [''] },
    { command: ['x'], stateDirectory: '../x' },
    { command: ['x'], stateDirectory: '/etc' },
  ])
    assert.throws(() => agentNamed('mine', { mine: table }), /cannot be used/);
  assert.equal(agentNamed('claude', { claude: { command: ['evil'] } }).command(options)[0], 'claude');
});
