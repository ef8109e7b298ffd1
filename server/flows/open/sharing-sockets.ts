import { isAbsolute } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { ownDirectory } from '../../guest/start.ts';
import { planSocket, type SharedSocket, type SocketOptions } from '../../sharing/sockets.ts';
import type { OwnedMount } from '../../workspace/mounts.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import type { OpenPlan } from './prepare.ts';
import { ownDirectories, takenPlaces } from './sharing-places.ts';

/** The sockets that are configured, and the SSH agent of the client, which a slot can do without. */
export async function slotSockets(
  deps: FlowDeps,
  plan: OpenPlan,
  { hostile, mounts }: { hostile: readonly string[]; mounts: readonly OwnedMount[] },
  context: RequestContext,
): Promise<SharedSocket[]> {
  const wishes = plan.config.get('sockets');
  const options: SocketOptions = {
    hostile: [...hostile, ...mounts.filter(m => m.readonly !== true).map(m => m.source)],
    stateDirs: ownDirectories(deps),
    incusSocket: deps.incus.target.socketPath,
    uid: deps.uid,
    gid: process.getgid?.() ?? deps.uid,
    groups: process.getgroups?.() ?? [],
    taken: [],
  };
  const taken = takenPlaces(plan, mounts);
  const before = (i: number) => wishes.slice(0, i).map(({ container }) => container);
  const sockets = await Promise.all(
    wishes.map((wish, i) => planSocket(wish, { ...options, taken: [...taken, ...before(i)] })),
  );
  const agent = plan.config.get('ssh.forward_agent') ? await sshAgent(deps, plan, options, context) : undefined;
  return agent === undefined ? sockets : [agent, ...sockets];
}

/** The SSH agent of the client that opens the slot. Without one, which the user is told, git asks for what it needs. */
async function sshAgent(
  deps: FlowDeps,
  plan: OpenPlan,
  options: SocketOptions,
  { client }: RequestContext,
): Promise<SharedSocket | undefined> {
  const { SSH_AUTH_SOCK: host } = await client.environment(['SSH_AUTH_SOCK']);
  const container = `${ownDirectory(plan.code.home)}/ssh-agent.sock`;
  try {
    if (host !== undefined && isAbsolute(host))
      return await planSocket({ host, container, env: 'SSH_AUTH_SOCK' }, options);
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'not-found') throw error;
  }
  const text = 'The SSH agent is not shared: none runs where the editor was started (SSH_AUTH_SOCK).';
  deps.message('warning', `${text} Start one, then the editor from there, and start the slot again.`);
  return undefined;
}
