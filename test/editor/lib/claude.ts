import type { TestContext } from 'node:test';
import { type Model, startModel } from '../../support/model.ts';
import { relayToContainers } from '../../support/relay.ts';
import type { EditorOptions } from './editor.ts';
import { type Project, slotSettings } from './incus.ts';

/** A user whose slots run the real claude, which asks before it acts and talks to a stand-in for the model service. */
export async function claudeUser(
  t: TestContext,
  project: Project,
  more: Readonly<Record<string, unknown>> = {},
): Promise<{ model: Model; options: EditorOptions }> {
  const model = await startModel(t);
  const { close, url } = await relayToContainers(model.port);
  t.after(close);
  const settings = slotSettings(project, {
    'incusAgents.agent': 'claude',
    'incusAgents.permissionMode': 'interactive',
    'incusAgents.network': 'open', // The stand-in is on the host, which restricted slots do not reach.
    ...more,
  });
  const config = `[agents.claude.environment]
ANTHROPIC_BASE_URL = "${url}"
CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = "1"
[agents.claude.credentials]
source = "environment"
names = ["ANTHROPIC_API_KEY"]
`;
  const env = { ANTHROPIC_API_KEY: 'stand-in-key-abcdefghijklmnopqrstuvwxyz' };
  return { model, options: { settings, env, files: { '.coi/config.toml': config } } };
}
