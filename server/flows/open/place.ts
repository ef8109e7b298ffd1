import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { relative } from 'node:path';
import { readBeneath } from '../../base/beneath.ts';
import { Failure, messageOf } from '../../base/errors.ts';
import type { EffectiveConfig } from '../../config/types.ts';
import { contextText } from '../../guest/context.ts';
import { isWithin } from '../../workspace/refuse.ts';
import type { FlowDeps } from '../deps.ts';
import { sharedWords } from './credentials.ts';
import type { OpenPlan } from './prepare.ts';
import type { AgentStart } from './start-agent.ts';

/** Bytes that a text for the agent may have. */
const LIMIT = 256 * 1024;

/**
 * What the agent is told about where it is: our words, or the user's own in their place, and those of the profile. Fails with `config`
 * when a file that the configuration names cannot be read.
 */
export async function describePlace(
  deps: FlowDeps,
  { plan, container, protection, network, sharing }: AgentStart,
): Promise<string> {
  const [own, more] = await Promise.all([
    textOf(plan, 'tool.context_file', plan.config.get('tool.context_file')),
    textOf(plan, 'context', plan.config.get('context')),
  ]);
  return contextText(deps.guest, {
    workspace: plan.mountPath,
    home: plan.code.home,
    container,
    agent: plan.agent.title,
    persistent: plan.persistent,
    network: network.words,
    docker: plan.config.get('container.docker'),
    limits: limitWords(plan.config),
    protectedPaths: protection.protectedPaths,
    shared: [...sharedWords(plan), ...sharing.words],
    ...(own === undefined ? {} : { own }),
    ...(more === undefined ? {} : { more }),
  });
}

/** The limits that are set, by what they limit. */
function limitWords(config: EffectiveConfig): Record<string, string> {
  const rates = { 'disk.read': 'read from disk', 'disk.write': 'written to disk', 'disk.max': 'disk rate' } as const;
  const words: Record<string, string> = {
    CPUs: config.get('limits.cpu.count'),
    'CPU time': config.get('limits.cpu.allowance'),
    memory: config.get('limits.memory.limit'),
    processes: String(config.get('limits.runtime.max_processes') || ''),
    'root disk': config.get('limits.disk.size'),
    '/tmp': config.get('limits.disk.tmpfs_size'),
    time: config.get('limits.runtime.max_duration'),
  };
  for (const [key, word] of Object.entries(rates)) words[word] = config.get(`limits.${key as keyof typeof rates}`);
  return Object.fromEntries(Object.entries(words).filter(([, value]) => value !== ''));
}

async function textOf(plan: OpenPlan, key: string, path: string): Promise<string | undefined> {
  if (path === '') return undefined;
  try {
    return (await contentOf(plan, path)).toString('utf8');
  } catch (error) {
    throw new Failure('config', `${path} of the configuration (${key}) cannot be read: ${messageOf(error)}`, {
      hint: `Correct ${key}, or take it out of the configuration.`,
      cause: error,
    });
  }
}

/** What lies in the workspace an agent can exchange for a link to anything, so no link is followed there. */
async function contentOf({ workspace }: OpenPlan, path: string): Promise<Buffer> {
  for (const root of [workspace.path, workspace.real]) {
    if (!isWithin(path, root)) continue;
    const found = await readBeneath(workspace.real, relative(root, path).split('/'), LIMIT);
    if (found === undefined) throw new Error('it is no regular file of the workspace.');
    return found;
  }
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size } = await file.stat().then(stat => (stat.isFile() ? stat : { size: -1 }));
    if (size < 0 || size > LIMIT) throw new Error(`it is no regular file of at most ${LIMIT / 1024} KiB.`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}
