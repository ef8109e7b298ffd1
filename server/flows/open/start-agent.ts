import { setImmediate, setTimeout as wait } from 'node:timers/promises';
import type { LaunchOptions } from '../../agents/types.ts';
import { explainStart } from '../../guest/explain.ts';
import { type StartPlan, startPlan } from '../../guest/start.ts';
import { IncusError } from '../../incus/errors.ts';
import type { ExecResult } from '../../incus/types/exec.ts';
import type { NetworkPlan } from '../../network/types.ts';
import type { ProtectionPlan } from '../../workspace/protection/types.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { agentFiles } from './agent-files.ts';
import { sharesLogin } from './credentials.ts';
import { gitIdentityOf, timezoneOf } from './host-facts.ts';
import { describePlace } from './place.ts';
import type { OpenPlan } from './prepare.ts';
import type { SessionPlan } from './session.ts';
import type { Sharing } from './sharing.ts';

/** What a start of the agent depends on besides the plan. */
export interface AgentStart {
  container: string;
  plan: OpenPlan;
  session: SessionPlan;
  protection: ProtectionPlan;
  network: NetworkPlan;
  sharing: Sharing;
  prompt?: string;
  /** The agent's login, as variables of its process alone. */
  credentials: Readonly<Record<string, string>>;
  /** The container was made for this start, so none of the agent's files is there yet. */
  fresh: boolean;
}

/** What is made for the start while the container is still being made. */
export interface PreparedStart {
  options: LaunchOptions;
  /** What the agent is told about where it is. */
  place?: string;
  environment: Record<string, string>;
  secrets: Record<string, string>;
  timezone?: string;
  gitIdentity?: { name: string; email: string };
}

/**
 * Collects what the start needs from the client and the host, beside what else the caller does meanwhile: a failure shows
 * when the promise is awaited, however late that is.
 */
export function prepareStart(deps: FlowDeps, start: AgentStart, context: RequestContext): Promise<PreparedStart> {
  const preparing = collect(deps, start, context);
  preparing.catch(() => {});
  return preparing;
}

async function collect(deps: FlowDeps, start: AgentStart, context: RequestContext): Promise<PreparedStart> {
  // Starting programs takes this process some milliseconds, which must not hold up the request that makes the container.
  await setImmediate();
  const { plan } = start;
  const { config } = plan;
  const [forwarded, gitIdentity, place] = await Promise.all([
    context.client.environment(config.get('defaults.forward_env')),
    gitIdentityOf(config, deps.home),
    config.get('tool.auto_context') ? describePlace(deps, start) : undefined,
  ]);
  const secrets = { ...forwarded, ...start.sharing.secrets, ...start.credentials };
  const timezone = timezoneOf(config);
  const options = launchOptions(start, secrets, place);
  return {
    options,
    secrets,
    ...(place === undefined ? {} : { place }),
    environment: {
      ...start.network.environment,
      ...start.sharing.environment,
      ...config.get('defaults.environment'),
      ...plan.agent.environment(options),
      ...config.get('agents')[plan.agent.name]?.environment,
    },
    ...(timezone === undefined ? {} : { timezone }),
    ...(gitIdentity === undefined ? {} : { gitIdentity }),
  };
}

/** Starts the agent in a container that runs. Gives false when its tmux session was there already. Fails with `agent`. */
export async function startAgent(
  deps: FlowDeps,
  start: AgentStart,
  prepared: PreparedStart,
  signal: AbortSignal,
): Promise<boolean> {
  const { plan, session, container } = start;
  await start.network.started(signal);
  const files = await agentFiles(deps, start, plan.agent.files(prepared.options), signal);
  const { commonPath } = plan.workspace.git ?? {};
  const exec = startPlan(deps.guest, {
    container,
    mountPath: plan.mountPath,
    codeUid: plan.code.uid,
    codeGid: plan.code.gid,
    home: plan.code.home,
    agentArgv: plan.agent.command(prepared.options),
    before: plan.config.get('tool.pre_launch'),
    environment: prepared.environment,
    secretEnvironment: prepared.secrets,
    files,
    copies: start.sharing.copies,
    signalsDir: session.signalsDir,
    mountPoints: [...session.mounts.map(mount => mount.path), ...start.sharing.mountPoints],
    names: { hosts: plan.config.get('network.hosts'), resolvers: plan.config.get('network.dns_servers') },
    ...(prepared.place === undefined ? {} : { context: prepared.place }),
    ...(prepared.timezone === undefined ? {} : { timezone: prepared.timezone }),
    ...(prepared.gitIdentity === undefined ? {} : { gitIdentity: prepared.gitIdentity }),
    ...(commonPath === undefined ? {} : { gitDirectories: [commonPath] }),
  });
  const result = await execAfterStart(deps, container, exec, signal);
  if (result.exitCode !== 0) throw explainStart(result.exitCode, result.stderr.toString('utf8'));
  return result.stdout.toString('utf8').trim() !== 'exists';
}

/** Milliseconds for which Incus may say of a container that it has just started that it does not run (seen under load). */
const SETTLES_WITHIN = 2000;

async function execAfterStart(
  deps: FlowDeps,
  container: string,
  exec: StartPlan,
  signal: AbortSignal,
): Promise<ExecResult> {
  const end = performance.now() + SETTLES_WITHIN;
  for (;;) {
    try {
      return await deps.incus.exec(container, exec.argv, { stdin: exec.stdin, signal, limit: 64 * 1024 });
    } catch (error) {
      const early = error instanceof IncusError && error.reason === 'not-running';
      if (!early || signal.aborted || performance.now() > end) throw error;
      await wait(100);
    }
  }
}

/** What stands in a file that the agent's slots share: the same in each of them. */
const POINTER = `# You work in a sandbox

Read ~/SANDBOX_CONTEXT.md first: it says where you are, what cannot be changed and what can be reached.`;

function launchOptions(start: AgentStart, secrets: Record<string, string>, place: string | undefined): LaunchOptions {
  const { plan, session } = start;
  const context = place !== undefined && sharesLogin(plan) ? POINTER : place;
  const { config, agent } = plan;
  const own = config.get('agents')[agent.name]?.environment ?? {};
  const model = modelOf(start);
  const effort =
    agent.name === 'codex' ? config.get('tool.codex.reasoning_effort') : config.get('tool.claude.effort_level');
  // It takes the place of the agent that the configuration names, not of another one that this open asks for.
  const binary = agent.name === config.beneathLaunch('tool.name') ? config.get('tool.binary') : '';
  return {
    sessionId: session.newId,
    permissionMode: config.get('tool.permission_mode'),
    home: plan.code.home,
    cwd: plan.mountPath,
    signalsDir: session.signalsDir,
    secrets,
    login: [...Object.keys(start.credentials), ...Object.keys(own)],
    variables: { ...config.get('defaults.environment'), ...own },
    ...(session.resume === undefined ? {} : { resume: session.resume }),
    ...(model === '' ? {} : { model }),
    ...(effort === '' ? {} : { effort }),
    ...(binary === '' ? {} : { binary }),
    ...(start.prompt === undefined ? {} : { prompt: start.prompt }),
    ...(context === undefined ? {} : { context }),
  };
}

function modelOf({ plan }: AgentStart): string {
  switch (plan.agent.name) {
    case 'claude':
      return plan.config.get('tool.claude.model');
    case 'codex':
      return plan.config.get('tool.codex.model');
    case 'opencode':
      return plan.config.get('tool.opencode.model');
    case 'gemini':
      return plan.config.get('tool.gemini.model');
    default:
      return '';
  }
}
