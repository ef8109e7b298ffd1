import { Failure } from '../../base/errors.ts';
import type { EffectiveConfig } from '../../config/types.ts';
import { findFingerprint, findImage, listImages } from '../../images/list.ts';
import type { ImageInfo } from '../../protocol/types.ts';
import { isBuildable } from '../build-image.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';
import { effectiveConfig } from '../effective.ts';
import type { Check, Finding } from './check.ts';
import { lookForAgents, notedAgents } from './image-agents.ts';

/** Without its image no slot opens; it is never built unasked. */
export const images: Check = {
  id: 'images.default',
  group: 'images',
  needsIncus: true,
  async run(deps, context) {
    const wanted = await wantedImages(deps, context);
    const found = await Promise.all(wanted.map(name => findImage(deps.incus, name, context.signal)));
    const missing = wanted.filter((_, at) => found[at] === undefined);
    if (missing.length > 0) return missingImages(deps, missing, context);
    const dated = wanted.map((name, at) => `${name} is from ${found[at]?.createdAt.slice(0, 10)}`);
    return { status: 'ok', message: `The image ${dated.join(', ')}.` };
  },
};

/** Which agents the images have, as noted when they were built or looked into: nothing is started for it unless asked. */
export const agentsInImage: Check = {
  id: 'images.agents',
  group: 'images',
  needsIncus: true,
  async run(deps, context) {
    const [wanted = ''] = await wantedImages(deps, context);
    const noted = await notedAgents(deps.home);
    const listed = await listImages(deps.incus, context.signal);
    const all = listed.map(i => (i.agents === undefined ? { ...i, ...noted.get(i.fingerprint) } : i));
    const fingerprint = await findFingerprint(deps.incus, wanted, context.signal);
    // One may be named by its fingerprint, and then has an entry for each of its aliases.
    const image = all.find(i => i.alias === wanted) ?? all.find(i => i.fingerprint === fingerprint);
    if (image === undefined) return { status: 'warning', message: `There is no image ${wanted} to look into.` };
    const others = all.filter(i => i !== image && i.agents !== undefined);
    const detail = others
      .map(other => `${other.alias ?? other.fingerprint.slice(0, 12)}: ${agentsText(other)}`)
      .join('\n');
    const more = detail === '' ? {} : { detail };
    if (image.agents === undefined) {
      const message = `The image ${wanted} does not say which agents it has; one that is built here does.`;
      const fix = {
        title: `Start ${wanted} once, without a network, and see which agents it has`,
        action: 'mend',
      } as const;
      return { status: 'warning', message, fix, ...more };
    }
    return { status: 'ok', message: `The image ${wanted} has ${agentsText(image)}.`, ...more };
  },
  async mend(deps, signal, context) {
    const [alias = ''] = await wantedImages(deps, context);
    const fingerprint = await findFingerprint(deps.incus, alias, signal);
    if (fingerprint === undefined) throw new Failure('not-found', `There is no image ${alias} to look into.`);
    await lookForAgents(deps, { alias, fingerprint }, signal);
  },
};

/** Agents with their versions, as far as they were noted. */
export function agentsText({ agents = [], agentVersions = {} }: Pick<ImageInfo, 'agents' | 'agentVersions'>): string {
  if (agents.length === 0) return 'no agent';
  return agents.map(agent => [agent, agentVersions[agent]].filter(word => word !== undefined).join(' ')).join(', ');
}

/** The images that new slots would be made from: the user's own first, then what the folders of the client's window say. */
async function wantedImages(deps: FlowDeps, context: RequestContext): Promise<string[]> {
  const places = [deps.home, ...context.client.workspaces.map(folder => folder.path)];
  const configs = await Promise.all(places.map(place => effectiveConfig(deps, place, context)));
  return [...new Set(configs.map((config: EffectiveConfig) => config.get('container.image')))];
}

async function missingImages(deps: FlowDeps, missing: readonly string[], context: RequestContext): Promise<Finding> {
  const names = missing.join(', ');
  const message = `The image${missing.length === 1 ? '' : 's'} ${names} ${missing.length === 1 ? 'does' : 'do'} not exist yet.`;
  const buildable = await Promise.all(missing.map(alias => isBuildable(deps, alias, context)));
  const image = missing.find((_, at) => buildable[at]);
  const fix: Finding['fix'] =
    image === undefined
      ? { title: 'Import it: your own configuration does not say how it is built' }
      : { title: `Build the image ${image}`, action: 'build-image', image };
  return { status: 'failed', message, fix };
}
