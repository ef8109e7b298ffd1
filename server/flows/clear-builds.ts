import { cleanupBuilds } from '../images/container.ts';
import type { FlowDeps } from './deps.ts';

/** Removes what builds of backends that are gone have left, one clean-up at a time, and says so. */
export function clearBuilds(deps: FlowDeps): Promise<void> {
  return deps.serial.run('builds', async () => {
    for (const alias of await cleanupBuilds({ ...deps, underWay: deps.build.underWay }))
      deps.message('warning', `Building ${alias} had been interrupted; what was left is removed.`);
  });
}
