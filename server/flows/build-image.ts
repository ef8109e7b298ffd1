import type { EffectiveConfig } from '../config/types.ts';
import { buildImage } from '../images/build.ts';
import { readHostSettings } from '../registries/settings.ts';
import { clearBuilds } from './clear-builds.ts';
import type { RequestContext } from './context.ts';
import type { FlowDeps } from './deps.ts';
import { effectiveConfig } from './effective.ts';

export interface ImageRequest {
  alias: string | undefined;
  profile: string | undefined;
  base: string | undefined;
}

/**
 * Builds the default image, or the one of a profile, from what the user's own configuration says. An alias alone is built as the profile
 * says whose image it is, if there is one.
 */
export async function buildForClient(
  deps: FlowDeps,
  request: ImageRequest,
  context: RequestContext,
): Promise<{ alias: string; fingerprint: string }> {
  await deps.ready(context.signal);
  const named = request.profile === undefined && request.alias !== undefined ? request.alias : undefined;
  const recipe = named === undefined ? undefined : await recipeOf(deps, named, context);
  const config = recipe ?? (await ownConfig(deps, request.profile, context));
  config.requireValid();
  const alias = request.alias ?? config.get('container.image');
  const optional = {
    base: request.base ?? config.get('container.build.base'),
    script: config.get('container.build.script'),
    compression: config.get('container.build.compression'),
    pool: config.get('container.storage_pool'),
  };
  await clearBuilds(deps); // One that was killed would stand in the way.
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

/** Whether the user's own configuration says how an image is made; one that only a project names has to be imported. */
export async function isBuildable(deps: FlowDeps, alias: string, context: RequestContext): Promise<boolean> {
  return (await recipeOf(deps, alias, context)) !== undefined;
}

/** The user's own configuration whose image this is: without a profile, or with one of theirs. */
async function recipeOf(deps: FlowDeps, alias: string, context: RequestContext): Promise<EffectiveConfig | undefined> {
  const plain = await ownConfig(deps, undefined, context);
  if (plain.get('container.image') === alias) return plain;
  for (const { name, trusted } of plain.profiles) {
    const config = trusted ? await ownConfig(deps, name, context) : plain;
    if (config.get('container.image') === alias) return config;
  }
  return undefined;
}

/** An image belongs to no project: only what lies in the home counts, which is read as if it were the folder. */
function ownConfig(deps: FlowDeps, profile: string | undefined, context: RequestContext): Promise<EffectiveConfig> {
  return effectiveConfig(deps, deps.home, context, profile === undefined ? {} : { profile });
}
