import { chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mergedContent } from '../../server/agents/merge.ts';
import { agentNamed } from '../../server/agents/registry.ts';
import { mountedDirs } from '../../server/agents/signal.ts';
import type { Agent, LaunchOptions } from '../../server/agents/types.ts';
import { silentLog } from '../../server/base/log.ts';
import { loadGuestFiles } from '../../server/guest/files.ts';
import { startPlan, tmuxDirectory, tmuxSession } from '../../server/guest/start.ts';
import type { Incus } from '../../server/incus/client.ts';
import type { ExecResult } from '../../server/incus/types.ts';
import { SessionStore } from '../../server/sessions/store.ts';
import type { SessionRecord } from '../../server/sessions/types.ts';
import { workspaceFragment } from '../../server/workspace/fragment.ts';
import { resolveWorkspace } from '../../server/workspace/resolve.ts';
import type { Model } from '../support/model.ts';
import { connect, removeAfter, tempDirectory, testImage, uniqueName, until } from './support.ts';

const HOME = '/home/code';
export const OWNER = { uid: 1000, gid: 1000 };

interface Ending {
  after(fn: () => void | Promise<void>): void;
}

/** A workspace with sessions of its own, in which agents are started as slots start them. */
export interface Place {
  incus: Incus;
  store: SessionStore;
  workspace: string;
  /** Home of the user on the host. */
  home: string;
}

/** A workspace of uid 1000 and an empty home of the user. */
export async function makePlace(t: Ending): Promise<Place> {
  const incus = await connect(t);
  const dir = await tempDirectory(t);
  const home = join(dir, 'home');
  const workspace = join(dir, 'ws');
  await mkdir(home);
  await mkdir(workspace);
  await chown(workspace, OWNER.uid, OWNER.gid);
  const store = new SessionStore({ home, log: silentLog, reader: name => agentNamed(name) });
  return { incus, store, workspace, home };
}

export interface RunOptions {
  agent: string;
  model: Model;
  session: SessionRecord;
  /** Options of the launch that differ from a fresh start in bypass mode. */
  launch?: Partial<LaunchOptions>;
}

/** An agent that runs in a container. */
export interface Run {
  container: string;
  agent: Agent;
  sessionDir: string;
  /** Text of its screen. */
  screen(): Promise<string>;
  /** Types a text and, after the agent's pause, Enter. */
  say(text: string): Promise<void>;
  key(name: string): Promise<void>;
  exec(argv: string[], user?: number): Promise<ExecResult>;
  /** Ends the container as hard as can be. */
  destroy(): Promise<void>;
}

/** Starts an agent in a new container, with the session's directories mounted. */
export async function runAgent(t: Ending, place: Place, o: RunOptions): Promise<Run> {
  const { incus, store } = place;
  const agent = agentNamed(o.agent);
  const container = uniqueName();
  const mounts = await store.prepare(o.session, mountedDirs(agent), OWNER, HOME);
  removeAfter(t, container);
  await incus.createInstance({
    name: container,
    source: { alias: await testImage(incus) },
    start: true,
    ...(await definition(place, container, mounts, o.model)),
  });
  await startIn(place, container, o);
  const exec = (argv: string[], user = 1000) =>
    incus.exec(container, argv, {
      user,
      group: user,
      env: { HOME: user === 0 ? '/root' : HOME, TMUX_TMPDIR: tmuxDirectory(HOME) },
    });
  const target = `=${tmuxSession(container)}:`;
  const key = async (name: string) => void (await exec(['tmux', 'send-keys', '-t', target, name]));
  return {
    container,
    agent,
    sessionDir: store.directory(agent.name, o.session.id),
    exec,
    key,
    screen: async () => (await exec(['tmux', 'capture-pane', '-p', '-t', target])).stdout.toString(),
    say: async text => {
      await exec(['tmux', 'send-keys', '-t', target, '-l', '--', text]);
      await sleep(agent.enterPause);
      await key('Enter');
    },
    destroy: async () => {
      await incus.setState(container, 'stop', { force: true });
      await incus.deleteInstance(container);
    },
  };
}

/** Starts the agent in a container that runs. */
export async function startIn(place: Place, container: string, o: RunOptions): Promise<void> {
  const agent = agentNamed(o.agent);
  const options: LaunchOptions = {
    sessionId: o.session.id,
    permissionMode: 'bypass',
    home: HOME,
    cwd: o.session.path,
    signalsDir: `${HOME}/.incus-agents/signals`,
    secrets: modelSecrets(agent.name),
    context: 'You are in a container of a test.',
    ...o.launch,
  };
  const files = [...agent.files(options), ...modelFiles(agent.name, o.model)];
  const plan = startPlan(await loadGuestFiles(join(import.meta.dirname, '../../media')), {
    container,
    mountPath: o.session.path,
    codeUid: OWNER.uid,
    codeGid: OWNER.gid,
    home: HOME,
    agentArgv: agent.command(options),
    environment: { ...agent.environment(options), ...modelEnvironment(agent.name, o.model) },
    secretEnvironment: modelSecrets(agent.name),
    files: files.map(file => ({ ...file, content: mergedContent(file, undefined) })),
    signalsDir: options.signalsDir,
    mountPoints: mountedDirs(agent).map(dir => `${HOME}/${dir.home}`),
  });
  const result = await place.incus.exec(container, plan.argv, { stdin: plan.stdin });
  if (result.exitCode !== 0) throw new Error(result.stderr.toString());
}

async function definition(
  place: Place,
  container: string,
  mounts: readonly { device: string; source: string; path: string }[],
  model: Model,
) {
  const ws = await resolveWorkspace(place.workspace, {
    home: '/nonexistent',
    stateDirs: [],
    uid: process.getuid?.() ?? 0,
  });
  const fragment = workspaceFragment(ws, {
    container,
    preserve: false,
    codeUid: OWNER.uid,
    codeGid: OWNER.gid,
    mounts: [...mounts],
  });
  const address = `tcp:127.0.0.1:${model.port}`;
  const proxy = { type: 'proxy', bind: 'instance', listen: address, connect: address };
  return {
    config: { ...fragment.config, 'security.guestapi': 'false', 'environment.TMUX_TMPDIR': tmuxDirectory(HOME) },
    devices: { ...fragment.devices, model: proxy },
  };
}

/** What makes each agent talk to the stand-in. */
function modelEnvironment(agent: string, model: Model): Record<string, string> {
  if (agent === 'claude') return { ANTHROPIC_BASE_URL: model.url, CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' };
  if (agent === 'gemini') return { GOOGLE_GEMINI_BASE_URL: model.url };
  return {};
}

function modelSecrets(agent: string): Record<string, string> {
  const key = 'stand-in-key-abcdefghijklmnopqrstuvwxyz';
  if (agent === 'claude') return { ANTHROPIC_API_KEY: key };
  if (agent === 'gemini') return { GEMINI_API_KEY: key };
  return { OPENAI_API_KEY: key };
}

function modelFiles(agent: string, model: Model): { path: string; content: string; mode: number }[] {
  if (agent === 'codex') {
    const content = `model = "stand-in"\nmodel_provider = "standin"\n[model_providers.standin]\nname = "stand-in"\nbase_url = "${model.url}/v1"\nwire_api = "responses"\nenv_key = "OPENAI_API_KEY"\n`;
    return [{ path: `${HOME}/.codex/config.toml`, content, mode: 0o600 }];
  }
  if (agent !== 'opencode') return [];
  const provider = {
    npm: '@ai-sdk/openai-compatible',
    options: { baseURL: `${model.url}/v1`, apiKey: 'x' },
    models: { one: { name: 'one', limit: { context: 100_000, output: 1000 } } },
  };
  const content = JSON.stringify({ model: 'standin/one', small_model: 'standin/one', provider: { standin: provider } });
  return [{ path: `${HOME}/.config/opencode/opencode.json`, content, mode: 0o600 }];
}

/** Waits until the model was asked with a text and the agent has shown an answer to it; gives how many messages it sent. */
export async function answered(run: Run, model: Model, text: string, timeout = 90_000): Promise<number> {
  const request = await until(
    `the model is asked "${text}"`,
    // The largest: programs send further, smaller requests of their own with the same text, for a title.
    () => model.with(text).sort((a, b) => b.messages - a.messages)[0],
    timeout,
  ).catch(async (error: unknown) => {
    throw new Error(`${String(error)}\n${await run.screen()}`);
  });
  await until(`an answer to "${text}"`, async () => (await run.screen()).includes('stand-in answer to'), timeout);
  return request.messages;
}
