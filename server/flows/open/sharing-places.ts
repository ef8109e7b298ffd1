import { dirname } from 'node:path';
import { mountedDirs } from '../../agents/signal.ts';
import { ownDirectory } from '../../guest/start.ts';
import type { OwnedMount } from '../../workspace/mounts.ts';
import type { FlowDeps } from '../deps.ts';
import { credentialsOf } from './credentials.ts';
import { type OpenPlan, stateDirectories } from './prepare.ts';

/** What belongs to the backend and to Incus, wherever its socket is. */
export function ownDirectories(deps: FlowDeps): string[] {
  return [...stateDirectories(deps), dirname(deps.incus.target.socketPath)];
}

/** Where the session and a shared login will be inside. */
export function sessionPlaces(plan: OpenPlan): string[] {
  const { directory } = plan.agent.login;
  const shared = credentialsOf(plan)?.source === 'shared' && directory !== undefined ? [directory] : [];
  return [...shared, ...mountedDirs(plan.agent).map(dir => dir.home)].map(path => `${plan.code.home}/${path}`);
}

/** Everything inside that something else than the container's own disk is, or will be, and our own directory. */
export function takenPlaces(plan: OpenPlan, mounts: readonly OwnedMount[]): string[] {
  const own = [plan.mountPath, ownDirectory(plan.code.home), ...sessionPlaces(plan)];
  return [...own, ...[plan.workspace.git?.commonPath ?? []].flat(), ...mounts.map(({ path }) => path)];
}
