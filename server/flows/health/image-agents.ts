import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Failure } from '../../base/errors.ts';
import { readUntrusted, writeFileAtomic } from '../../base/files.ts';
import { DEFAULT_AGENTS } from '../../images/agents.ts';
import { removeBuildContainer, warmContainerName } from '../../images/container.ts';
import { probe } from '../../images/probe.ts';
import { BACKEND_KEY, BUILD_ID_KEY, BUILD_KEY, VERSION } from '../../images/properties.ts';
import { agentVersions } from '../../images/versions.ts';
import type { ImageInfo } from '../../protocol/types.ts';
import type { FlowDeps } from '../deps.ts';

/** Longest file of notes that is read (bytes); an image takes some two hundred. */
const LIMIT = 256 * 1024;

/** The agents of an image. */
export type ImageAgents = Required<Pick<ImageInfo, 'agents' | 'agentVersions'>>;

/** What was found in images that do not say themselves which agents they have, by fingerprint: the content of an image never changes. */
export async function notedAgents(home: string): Promise<Map<string, ImageAgents>> {
  const found = Object.entries(await readNotes(home)).flatMap(([fingerprint, note]) => {
    const { agents, versions } = object(note);
    if (!Array.isArray(agents)) return [];
    const known = DEFAULT_AGENTS.filter(name => agents.includes(name));
    const told = known.map(name => [name, object(versions)[name]] as const);
    const valid = told.filter((pair): pair is [string, string] => typeof pair[1] === 'string' && VERSION.test(pair[1]));
    return [[fingerprint, { agents: known, agentVersions: Object.fromEntries(valid) }] as const];
  });
  return new Map(found);
}

/** Starts an image once, without a network, and notes which agents it has. Fails with `config` when it is none for slots. */
export async function lookForAgents(
  deps: FlowDeps,
  { alias, fingerprint }: { alias: string; fingerprint: string },
  signal: AbortSignal,
): Promise<void> {
  // As a build's, so that the next backend removes it when this one is killed.
  const name = warmContainerName(alias);
  const id = randomUUID();
  deps.build.underWay.add(id);
  try {
    await deps.incus.createInstance(
      {
        name,
        source: { fingerprint },
        config: {
          [BUILD_KEY]: alias,
          [BUILD_ID_KEY]: id,
          [BACKEND_KEY]: deps.backendKey,
          'security.guestapi': 'false',
          'security.privileged': 'false',
        },
        devices: await withoutNetwork(deps),
        start: true,
      },
      { signal },
    );
    try {
      const { agents } = await probe(deps.incus, name, alias, signal);
      const versions = await agentVersions(deps.incus, name, agents, signal);
      await note(deps.home, fingerprint, { agents, versions });
    } finally {
      await removeBuildContainer(deps.incus, name);
    }
  } finally {
    deps.build.underWay.delete(id);
  }
}

/** Takes the cards of the default profile away, however they are called. */
async function withoutNetwork(deps: FlowDeps): Promise<Record<string, Record<string, string>>> {
  const profile = await deps.incus.profile('default');
  const cards = Object.entries(profile?.devices ?? {}).filter(([, { type }]) => type === 'nic');
  return Object.fromEntries(cards.map(([name]) => [name, { type: 'none' }]));
}

async function note(home: string, fingerprint: string, found: object): Promise<void> {
  const notes = { ...(await readNotes(home)), [fingerprint]: found };
  await writeFileAtomic(notesOf(home), `${JSON.stringify(notes, null, 2)}\n`);
}

/** A broken file counts as empty: what is in it can be looked for again. */
async function readNotes(home: string): Promise<Record<string, unknown>> {
  try {
    return { ...object(JSON.parse((await readUntrusted(notesOf(home), LIMIT))?.toString('utf8') ?? '{}')) };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof Failure) return {};
    throw error;
  }
}

function notesOf(home: string): string {
  return join(home, '.coi', 'incus-agents', 'image-agents.json');
}

function object(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
