import { buildForClient } from '../flows/build-image.ts';
import type { FlowDeps } from '../flows/deps.ts';
import { deleteImage } from '../images/delete.ts';
import { listImages } from '../images/list.ts';
import type { Handlers } from './handlers.ts';
import { Params } from './validate.ts';

/** The methods about images. */
export function imageHandlers(deps: FlowDeps): Handlers {
  return {
    'image/list': async (_params, { signal }) => {
      await deps.ready(signal);
      return { images: await listImages(deps.incus, signal) };
    },
    'image/build': async (params, context) => {
      const p = new Params(params);
      const request = {
        alias: p.optional('alias', o => o.string('alias')),
        profile: p.optional('profile', o => o.string('profile')),
        base: p.optional('base', o => o.string('base')),
      };
      return buildForClient(deps, request, context);
    },
    'image/delete': async (params, { signal }) => {
      const alias = new Params(params).string('alias');
      await deps.ready(signal);
      await deleteImage(deps.incus, alias, signal);
      return {};
    },
  };
}
