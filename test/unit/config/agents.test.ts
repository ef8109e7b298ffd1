import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentNames } from '../../../server/agents/registry.ts';
import { BUILT_IN_AGENTS } from '../../../server/config/agent-problems.ts';
import { desk, lines } from './harness.ts';

test('half of a login is an error at its place, and so is what does not go with its source', async t => {
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
source = "secret"
secret = "my key"
variable = "KEY"
`);
  assert.deepEqual(lines((await d.load()).problems), [
    `error 1:16 agents.claude.credentials needs 'secret' and 'variable' with source = "secret".`,
    `error 3:15 agents.codex.credentials needs 'names' with source = "environment".`,
    'error 8:1 agents.gemini.credentials.secret does not go with source = "shared".',
    'error 11:1 agents.opencode.credentials.secret must be a name of letters, digits, "_", "." and "-".',
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
