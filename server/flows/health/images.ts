import { findImage, listImages } from '../../images/list.ts';
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

/** Which agents the image has, as noted when it was built. */
export const agentsInImage: Check = {
  id: 'images.agents',
  group: 'images',
  needsIncus: true,
  async run(deps, signal) {
    const image = (await listImages(deps.incus, signal)).find(i => i.alias === DEFAULT_ALIAS);
    if (image === undefined) return { status: 'warning', message: 'There is no image to look into.' };
    if (image.agents === undefined) {
      return { status: 'warning', message: `The image ${DEFAULT_ALIAS} does not say which agents it has.` };
    }
    const names = image.agents.length === 0 ? 'no agent' : image.agents.join(', ');
    return { status: 'ok', message: `The image ${DEFAULT_ALIAS} has ${names}.` };
  },
};
