import { chmod, chown, lchown, lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { mountedDirs } from '../../agents/signal.ts';
import type { StateDir } from '../../agents/types.ts';
import { withDirectory } from '../../base/beneath.ts';
import { Failure } from '../../base/errors.ts';
import { loginLacks } from '../../config/agent-problems.ts';
import type { AgentCredentials } from '../../config/entries.ts';
import { type ErrorData, SECRET_MISSING } from '../../protocol/errors.ts';
import type { OwnedMount } from '../../workspace/mounts.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import type { OpenPlan } from './prepare.ts';

/** A secret is to be used that the client does not have. Says which one, so that it can ask for it. */
export class SecretMissing extends Failure {
  readonly secret: string;

  constructor(agent: string, secret: string) {
    const hint = 'Store it with "Store Secret…".';
    super('config', `${agent} is to use the secret "${secret}", which is not there.`, { hint, detail: SECRET_MISSING });
    this.secret = secret;
  }

  override data(): ErrorData {
    return { ...super.data(), secret: this.secret };
  }
}

/** How the agent of a slot gets its login, as configured; nothing unless configuration says so. */
export function credentialsOf(plan: OpenPlan): AgentCredentials | undefined {
  const found = plan.config.get('agents')[plan.agent.name]?.credentials;
  return found === undefined || found.source === 'none' ? undefined : found;
}

/**
 * The variables that only the agent's process gets: its key or token, asked from the client for this start and kept nowhere.
 * Fails with `config` when the login is half written, when the client has none, since the agent would ask for a login that was meant to be there, and when a login is
 * to be shared of which nobody knows where it is.
 */
export async function credentialVariables(plan: OpenPlan, context: RequestContext): Promise<Record<string, string>> {
  const credentials = credentialsOf(plan);
  requireWhole(plan, credentials);
  if (credentials?.source === 'secret') {
    const value = await context.client.secret(credentials.secret);
    if (value === null) throw new SecretMissing(plan.agent.title, credentials.secret);
    return { [credentials.variable]: value };
  }
  if (credentials?.source === 'environment') {
    const values = await context.client.environment(credentials.names);
    if (Object.keys(values).length === 0) {
      throw missing(
        plan,
        `any of the variables ${credentials.names.join(', ')}`,
        'Set one where the editor is started.',
      );
    }
    return values;
  }
  if (credentials?.source === 'shared' && plan.agent.login.directory === undefined) {
    throw new Failure('config', `${plan.agent.title} has no login that slots could share.`, {
      hint: `Give it a key: source = "secret" or "environment" in [agents.${plan.agent.name}.credentials].`,
    });
  }
  return {};
}

function requireWhole({ agent }: OpenPlan, credentials: AgentCredentials | undefined): void {
  const lacks = credentials === undefined ? [] : loginLacks(credentials);
  if (lacks.length === 0) return;
  const table = `[agents.${agent.name}.credentials]`;
  throw new Failure(
    'config',
    `The login of ${agent.title} is half written: ${table} has no ${lacks.join(' and no ')}.`,
    {
      hint: `Complete ${table} in ~/.coi/config.toml or your profile, or say source = "none" there.`,
    },
  );
}

/** What of the session's directory is mounted for the agent. */
export function sessionDirs(plan: OpenPlan): StateDir[] {
  return mountedDirs(plan.agent, sharesLogin(plan));
}

/** The login directory that all slots of the agent use together, as a mount; empty unless it is configured. */
export async function loginMounts(deps: FlowDeps, plan: OpenPlan): Promise<OwnedMount[]> {
  const credentials = credentialsOf(plan);
  const { directory } = plan.agent.login;
  if (credentials?.source !== 'shared' || directory === undefined) return [];
  const { uid, gid } = plan.workspace;
  const source =
    credentials.directory || join(deps.home, '.coi', 'incus-agents', 'logins', `${plan.agent.name}-${uid}`);
  await mkdir(source, { recursive: true, mode: 0o700 });
  // While a container is set up its root passes through, before root's files are mapped to it; the directory above keeps others out.
  if (uid === 0) await chmod(source, 0o711);
  // Only root can give it away; another user's workspace is the user's own.
  if (deps.uid === 0) await chown(source, uid, gid);
  for (const place of sessionDirs(plan)) {
    if (place.home.startsWith(`${directory}/`))
      await makePlace(source, place.home.slice(directory.length + 1), deps.uid === 0 ? { uid, gid } : undefined);
  }
  return [{ device: 'login', source, path: `${plan.code.home}/${directory}` }];
}

/**
 * Makes the directory over which a session's own is mounted: Incus could not in a folder of root's, where container root may
 * not write. The containers write to the login directory, so nothing in it is followed. Fails with `invalid` when something else is there.
 */
async function makePlace(source: string, path: string, owner: { uid: number; gid: number } | undefined): Promise<void> {
  const parts = path.split('/');
  for (const [i, name] of parts.entries()) {
    const made = await withDirectory(source, parts.slice(0, i), async parent => {
      const place = join(parent, name);
      try {
        await mkdir(place, { mode: 0o700 });
        if (owner !== undefined) await lchown(place, owner.uid, owner.gid);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
      }
      return (await lstat(place)).isDirectory();
    });
    if (made === true) continue;
    throw new Failure('invalid', `${join(source, ...parts.slice(0, i + 1))} is not a directory.`, {
      hint: 'Move it away: the agent keeps a session of its own there.',
    });
  }
}

/** Whether the agent's own directory is the same one in all its slots. */
export function sharesLogin(plan: OpenPlan): boolean {
  return credentialsOf(plan)?.source === 'shared';
}

/** What of the user's a slot gets, in words for the UI. */
export function sharedWords(plan: OpenPlan): string[] {
  const credentials = credentialsOf(plan);
  const forwarded = plan.config.get('defaults.forward_env');
  const commands = Object.keys(plan.config.get('defaults.env_commands'));
  return [
    ...(credentials?.source === 'secret' ? [`the secret "${credentials.secret}" as ${credentials.variable}`] : []),
    ...(credentials?.source === 'environment' ? [variables(credentials.names)] : []),
    ...(credentials?.source === 'shared'
      ? [`a login of ${plan.agent.title} that its slots share, with the settings and the history of prompts beside it`]
      : []),
    ...(forwarded.length === 0 ? [] : [variables(forwarded)]),
    ...(commands.length === 0 ? [] : [`what commands on this computer give as ${commands.join(', ')}`]),
  ];
}

function variables(names: readonly string[]): string {
  return `the variable${names.length === 1 ? '' : 's'} ${names.join(', ')}`;
}

function missing(plan: OpenPlan, what: string, hint: string): Failure {
  return new Failure('config', `${plan.agent.title} is to use ${what}, which is not there.`, { hint });
}
