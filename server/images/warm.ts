import { messageOf } from '../base/errors.ts';
import { createBuildContainer, removeBuildContainer, warmContainerName } from './container.ts';
import type { BuildDeps } from './types.ts';

export interface WarmOptions {
  /** The build that made the image. */
  id: string;
  alias: string;
  fingerprint: string;
  pool: string | undefined;
  signal: AbortSignal;
}

/**
 * Lets the pool unpack the image now, so that the first slot opens as fast as the next ones. A pool that unpacks for each
 * container (dir) gains nothing. A failure of this is no failure of the build.
 */
export async function warmImage(deps: BuildDeps, o: WarmOptions): Promise<void> {
  try {
    const pool = o.pool === undefined ? undefined : await deps.incus.pool(o.pool, o.signal);
    if (pool === undefined || pool.driver === 'dir') return;
    const container = await createBuildContainer(deps.incus, {
      name: warmContainerName(o.alias),
      id: o.id,
      alias: o.alias,
      source: { fingerprint: o.fingerprint },
      backendKey: deps.backendKey,
      docker: false,
      pool: pool.name,
      start: false,
      signal: o.signal,
      onProgress: () => undefined,
    });
    await removeBuildContainer(deps.incus, container.name);
  } catch (error) {
    deps.log.warn(`The image ${o.alias} was built but not unpacked ahead: ${messageOf(error)}`);
  }
}
