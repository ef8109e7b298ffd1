import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentsText } from '../../../server/flows/health/images.ts';
import { VERSIONS_PROPERTY, versionsOf, versionsText } from '../../../server/images/properties.ts';
import { parseVersions } from '../../../server/images/versions.ts';

test('the agents’ own words for their versions are understood', () => {
  const text =
    'claude a warning\nclaude 2.1.197 (Claude Code)\ngemini 0.61.0\ncodex codex-cli 0.169.0\nopencode v1.18.33-beta.1\npi Usage: pi\n';
  const agents = ['claude', 'codex', 'opencode', 'gemini', 'pi', 'absent'];
  const versions = { claude: '2.1.197', codex: '0.169.0', opencode: '1.18.33-beta.1', gemini: '0.61.0' };
  assert.deepEqual(parseVersions(text, agents), versions);
  assert.deepEqual(versionsOf({ [VERSIONS_PROPERTY]: versionsText(versions) }), versions);
});

test('nothing else gets into the property or out of it', () => {
  assert.deepEqual(
    parseVersions(`claude 1.2,codex=9.9\nevil 1.0\ncodex ${'1.'.repeat(100)}\n`, ['claude', 'codex']),
    {},
  );
  assert.deepEqual(versionsOf({ [VERSIONS_PROPERTY]: 'claude=\u001b[31m,codex=1.0=2,=,pi' }), {});
  assert.deepEqual(versionsOf({}), {});
});

test('health names agents with their versions, and without where none was noted', () => {
  assert.equal(agentsText({ agents: ['claude', 'own'], agentVersions: { claude: '2.1.197' } }), 'claude 2.1.197, own');
  assert.equal(agentsText({ agents: [] }), 'no agent');
});
