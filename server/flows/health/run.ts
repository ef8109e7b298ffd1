import { Failure, messageOf } from '../../base/errors.ts';
import type { HealthCheck } from '../../protocol/types.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import type { Check, Finding } from './check.ts';
import { commandLine, kernel, stateDirectory, terminalFilter } from './host.ts';
import { userMapping } from './ids.ts';
import { agentsInImage, images } from './images.ts';
import { daemon, pool } from './incus.ts';
import { forwarding, hooks, network, networkLeftovers, rules } from './network.ts';
import { protection } from './protection.ts';
import { damagedSessions } from './sessions.ts';
import { leftovers } from './slots.ts';
import { watchers } from './watchers.ts';

const CHECKS: readonly Check[] = [
  kernel,
  watchers,
  commandLine,
  terminalFilter,
  daemon,
  pool,
  network,
  hooks,
  rules,
  forwarding,
  networkLeftovers,
  images,
  agentsInImage,
  stateDirectory,
  damagedSessions,
  userMapping,
  leftovers,
  protection,
];

/** Everything that can be told about this host; a check that itself fails says so as its finding. */
export async function checkHealth(deps: FlowDeps, context: RequestContext): Promise<HealthCheck[]> {
  const available = (await deps.incus.availability()).status === 'ready';
  return Promise.all(
    CHECKS.map(async check => ({ id: check.id, group: check.group, ...(await find(check, deps, available, context)) })),
  );
}

/** Mends one finding. Fails with `not-found` for an unknown check and `invalid` for one that the user has to mend. */
export async function fixHealth(deps: FlowDeps, id: string, context: RequestContext): Promise<void> {
  const check = CHECKS.find(c => c.id === id);
  if (check === undefined) throw new Failure('not-found', `There is no health check ${JSON.stringify(id)}.`);
  if (check.mend === undefined) {
    const { fix } = await check.run(deps, context);
    throw new Failure('invalid', `The check ${id} cannot be mended from here.`, {
      ...(fix === undefined ? {} : { hint: fix.command === undefined ? `${fix.title}.` : `Run: ${fix.command}` }),
    });
  }
  await check.mend(deps, context.signal, context);
}

async function find(check: Check, deps: FlowDeps, available: boolean, context: RequestContext): Promise<Finding> {
  if (check.needsIncus && !available)
    return { status: 'failed', message: 'Cannot be told while Incus is not available.' };
  try {
    return await check.run(deps, context);
  } catch (error) {
    if (context.signal.aborted) throw error;
    return { status: 'failed', message: `The check itself failed: ${messageOf(error)}` };
  }
}
