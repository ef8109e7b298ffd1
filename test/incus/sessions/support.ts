import { randomBytes } from 'node:crypto';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackendOptions, TestBackend } from '../../support/backend.ts';
import { type Model, type Slowness, startModel } from '../../support/model.ts';
import { relayToContainers } from '../../support/relay.ts';
import { type Lab, makeLab, OWNER } from '../flows/support.ts';

/** The value of every credential in these tests, in each run of a file another one; it must be found nowhere but in the agent's process. */
export const KEY = `stand-in-key-${randomBytes(12).toString('hex')}`;

/** A lab whose agents talk to a stand-in for the model services, reached at the address of the containers' bridge. */
export interface Desk {
  lab: Lab;
  model: Model;
  /** The stand-in as containers reach it. */
  url: string;
  backend(o?: BackendOptions): Promise<TestBackend>;
  /** A workspace in which every agent is set up for the stand-in. */
  workspace(o?: { uid?: number }): Promise<string>;
  close(): Promise<void>;
}

/** A desk; whoever makes it closes it. `config` is added to the user's configuration. */
export async function makeDesk(config = '', o: { slow?: Slowness } = {}): Promise<Desk> {
  const ends: (() => void | Promise<void>)[] = [];
  const model = await startModel({ after: end => void ends.push(end) }, o);
  const lab = await makeLab();
  const { close, url } = await relayToContainers(model.port);
  await lab.write(join(lab.home, '.coi/config.toml'), configFor(lab, url, model.url, config));
  await codexLogin(lab, url);
  return {
    lab,
    model,
    url,
    backend: o =>
      lab.backend({
        secrets: { 'claude-key': KEY },
        environment: { OPENAI_API_KEY: KEY, GEMINI_API_KEY: KEY },
        ...o,
        settings: { permissionMode: 'bypass', ...o?.settings },
      }),
    workspace: async o => {
      const path = await lab.workspace(o);
      await lab.write(join(path, 'opencode.json'), opencodeConfig(url));
      return path;
    },
    close: async () => {
      try {
        await lab.close();
      } finally {
        close();
        for (const end of ends) await end();
      }
    },
  };
}

function configFor(lab: Lab, url: string, loopback: string, more: string): string {
  return `
[agents.claude.environment]
ANTHROPIC_BASE_URL = "${url}"
CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = "1"
[agents.claude.credentials]
source = "secret"
secret = "claude-key"
variable = "ANTHROPIC_API_KEY"
[agents.codex.environment]
STAND_IN_KEY = "${KEY}"
[agents.codex.credentials]
source = "shared"
directory = "${codexDirectory(lab)}"
[agents.opencode.environment]
OPENCODE_DISABLE_MODELS_FETCH = "1"
[agents.opencode.credentials]
source = "environment"
names = ["OPENAI_API_KEY"]
[agents.gemini.environment]
GOOGLE_GEMINI_BASE_URL = "${loopback}"
[agents.gemini.credentials]
source = "environment"
names = ["GEMINI_API_KEY"]
[tool.gemini]
model = "gemini-2.5-pro"
${more}`;
}

function codexDirectory(lab: Lab): string {
  return join(lab.directory, 'codex-login');
}

async function codexLogin(lab: Lab, url: string): Promise<void> {
  const directory = codexDirectory(lab);
  await mkdir(directory);
  const provider = `name = "stand-in"\nbase_url = "${url}/v1"\nwire_api = "responses"\nenv_key = "STAND_IN_KEY"\n`;
  const text = `model = "stand-in"\nmodel_provider = "standin"\n[model_providers.standin]\n${provider}`;
  await writeFile(join(directory, 'config.toml'), text);
  for (const path of [directory, join(directory, 'config.toml')]) await chown(path, OWNER.uid, OWNER.gid);
}

function opencodeConfig(url: string): string {
  const provider = {
    npm: '@ai-sdk/openai-compatible',
    options: { baseURL: `${url}/v1`, apiKey: 'x' },
    models: { one: { name: 'one', limit: { context: 100_000, output: 1000 } } },
  };
  return JSON.stringify({ model: 'standin/one', small_model: 'standin/one', provider: { standin: provider } });
}
