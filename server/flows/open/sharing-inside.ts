import { Failure } from '../../base/errors.ts';
import { plainText } from '../../base/plain.ts';
import { prepareSocketsArgv, socketDevices } from '../../sharing/sockets.ts';
import type { FlowDeps } from '../deps.ts';
import { type AgentStart, type PreparedStart, startAgent } from './start-agent.ts';

/** What is to be done in a container that has just been started: the agent, and beside it the sockets that are shared. */
export async function startInside(
  deps: FlowDeps,
  start: AgentStart,
  prepared: PreparedStart,
  signal: AbortSignal,
): Promise<void> {
  // Both come to an end before anything is undone.
  const ends = await Promise.allSettled([
    startAgent(deps, start, prepared, signal),
    attachSockets(deps, start, signal),
  ]);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/** Adds the devices of the sockets. Before the container runs there would be no directory for them to listen in. */
async function attachSockets(deps: FlowDeps, start: AgentStart, signal: AbortSignal): Promise<void> {
  const { container, plan, sharing } = start;
  if (sharing.sockets.length === 0) return;
  const { exitCode, stderr } = await deps.incus.exec(container, prepareSocketsArgv(sharing.sockets, plan.code), {
    signal,
  });
  if (exitCode !== 0) {
    throw new Failure('config', `The sockets of ${container} cannot be where they are to be inside.`, {
      hint: 'Choose other places in `[[sockets]]`.',
      detail: plainText(stderr.toString('utf8'), 500),
    });
  }
  await deps.incus.patchInstance(container, { devices: socketDevices(sharing.sockets, plan.code) }, { signal });
}
