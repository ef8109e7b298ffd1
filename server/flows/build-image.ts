import { buildImage } from '../images/build.ts';
import { readHostSettings } from '../registries/settings.ts';
import type { RequestContext } from './context.ts';
import type { FlowDeps } from './deps.ts';
import { effectiveConfig } from './effective.ts';

export interface ImageRequest {
  alias: string | undefined;
  profile: string | undefined;
  base: string | undefined;
}

/** Builds the default image, or the one of a profile, from what the user's own configuration says. */
export async function buildForClient(
  deps: FlowDeps,
  request: ImageRequest,
  context: RequestContext,
): Promise<{ alias: string; fingerprint: string }> {
  await deps.ready(context.signal);
  // An image belongs to no project: only what lies in the home counts, which is read as if it were the folder.
  const config = await effectiveConfig(
    deps,
    deps.home,
    context,
    request.profile === undefined ? {} : { profile: request.profile },
  );
  config.requireValid();
  const alias = request.alias ?? config.get('container.image');
  const optional = {
    base: request.base ?? config.get('container.build.base'),
    script: config.get('container.build.script'),
    compression: config.get('container.build.compression'),
    pool: config.get('container.storage_pool'),
  };
  return buildImage(deps.build, {
    alias,
    host: await readHostSettings(deps.home),
    commands: config.get('container.build.commands'),
    agents: config.get('container.build.agents'),
    cloudInit: config.get('container.build.cloud_init'),
    docker: config.get('container.docker'),
    signal: context.signal,
    onProgress: progress => context.progress(progress),
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== '')),
  });
}
