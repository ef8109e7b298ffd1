import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentNamed, agentNames } from '../../../server/agents/registry.ts';
import { BUILT_IN_AGENTS } from '../../../server/config/agent-problems.ts';
import type { RequestContext } from '../../../server/flows/context.ts';
import { credentialVariables } from '../../../server/flows/open/credentials.ts';
import type { OpenPlan } from '../../../server/flows/open/prepare.ts';
import { desk, lines } from './harness.ts';

test('half of a login is told at its place, and so is what does not go with its source; the others stay', async t => {
  const d = await desk(t);
  await d.user(`[agents.claude.credentials]
source = "secret"
[agents.codex.credentials]
source = "environment"
names = []
[agents.gemini.credentials]
source = "shared"
secret = "x"
[agents.opencode.credentials]
source = "none"
directory = "~/opencode"
`);
  const config = await d.load();
  assert.deepEqual(lines(config.problems), [
    `warning 1:16 agents.claude.credentials needs 'secret' and 'variable' with source = "secret".`,
    `warning 3:15 agents.codex.credentials needs 'names' with source = "environment".`,
    'warning 8:1 agents.gemini.credentials.secret does not go with source = "shared".',
    'warning 11:1 agents.opencode.credentials.directory does not go with source = "none".',
  ]);
  config.requireValid();
  assert.equal(config.get('agents').gemini?.credentials?.source, 'shared');
});

test('only the agent whose login is half written is refused, before anything is asked from the client', async t => {
  const d = await desk(t);
  await d.user(`[agents.claude.credentials]
source = "secret"
secret = "claude-key"
[agents.codex.credentials]
source = "none"
secret = "for-another-day"
`);
  const config = await d.load();
  const client = { secret: async () => assert.fail('the secret was asked for') };
  const login = (name: string) =>
    credentialVariables({ config, agent: agentNamed(name) } as OpenPlan, { client } as unknown as RequestContext);
  await assert.rejects(login('claude'), {
    kind: 'config',
    message: /is half written: \[agents\.claude\.credentials\] has no variable\.$/,
    hint: /Complete \[agents\.claude\.credentials\]/,
  });
  assert.deepEqual(await login('codex'), {});
  assert.deepEqual(await login('gemini'), {});
});

test('the name of a secret has a form', async t => {
  const d = await desk(t);
  await d.user('[agents.opencode.credentials]\nsource = "secret"\nsecret = "my key"\nvariable = "KEY"\n');
  assert.deepEqual(lines((await d.load()).problems), [
    'error 3:1 agents.opencode.credentials.secret must be a name of letters, digits, "_", "." and "-".',
  ]);
});

test('whole logins are none', async t => {
  const d = await desk(t);
  await d.user(`[agents.claude.credentials]
source = "secret"
secret = "claude-key"
variable = "ANTHROPIC_API_KEY"
[agents.codex.credentials]
source = "environment"
names = ["OPENAI_API_KEY"]
[agents.gemini.credentials]
source = "shared"
directory = "~/gemini"
[agents.opencode.credentials]
source = "none"
`);
  assert.deepEqual((await d.load()).problems, []);
});

test('an agent without a command, and a command for one that is built in, are told at their place', async t => {
  assert.deepEqual([...BUILT_IN_AGENTS].sort(), agentNames().sort());
  const d = await desk(t);
  await d.user('[agents.mine]\nstate_dir = ".mine"\n[agents.claude]\ncommand = ["other"]\nenvironment = { A = "1" }\n');
  assert.deepEqual(lines((await d.load()).problems), [
    `warning 1:9 agents.mine needs 'command': it is no agent yet.`,
    'warning 4:1 agents.claude.command has no effect: this agent is built in. Another program for it is tool.binary.',
  ]);
  await d.profile('whole', '[agents.mine]\ncommand = ["mine"]\n');
  assert.equal((await d.load({ profile: 'whole' })).problems.length, 1, 'another layer may name the command');
});
