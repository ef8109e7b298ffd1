import { findImage, listImages } from '../../images/list.ts';
import type { ImageInfo } from '../../protocol/types.ts';
import type { Check } from './check.ts';

/** The image that slots are made from unless something else is configured. */
const DEFAULT_ALIAS = 'coi-default';

/** Without an image no slot opens; it is never built unasked. */
export const defaultImage: Check = {
  id: 'images.default',
  group: 'images',
  needsIncus: true,
  async run(deps, signal) {
    const image = await findImage(deps.incus, DEFAULT_ALIAS, signal);
    return image === undefined
      ? {
          status: 'failed',
          message: `The image ${DEFAULT_ALIAS} does not exist yet.`,
          fix: { title: 'Run "Build Image"' },
        }
      : { status: 'ok', message: `The image ${DEFAULT_ALIAS} is from ${image.createdAt.slice(0, 10)}.` };
  },
};

/** Which agents the images have, as noted when they were built: nothing is started for it. */
export const agentsInImage: Check = {
  id: 'images.agents',
  group: 'images',
  needsIncus: true,
  async run(deps, signal) {
    const images = await listImages(deps.incus, signal);
    const image = images.find(i => i.alias === DEFAULT_ALIAS);
    if (image === undefined) return { status: 'warning', message: 'There is no image to look into.' };
    const others = images.filter(i => i !== image && i.agents !== undefined);
    const detail = others
      .map(other => `${other.alias ?? other.fingerprint.slice(0, 12)}: ${agentsText(other)}`)
      .join('\n');
    const more = detail === '' ? {} : { detail };
    if (image.agents === undefined) {
      const message = `The image ${DEFAULT_ALIAS} does not say which agents it has; one that is built here does.`;
      return { status: 'warning', message, ...more };
    }
    return { status: 'ok', message: `The image ${DEFAULT_ALIAS} has ${agentsText(image)}.`, ...more };
  },
};

/** Agents with their versions, as far as they were noted. */
export function agentsText({ agents = [], agentVersions = {} }: Pick<ImageInfo, 'agents' | 'agentVersions'>): string {
  if (agents.length === 0) return 'no agent';
  return agents.map(agent => [agent, agentVersions[agent]].filter(word => word !== undefined).join(' ')).join(', ');
}
