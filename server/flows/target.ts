import { join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { EffectiveConfig } from '../config/types.ts';
import { findSocket } from '../incus/target.ts';
import type { IncusTarget } from '../incus/types/connection.ts';
import type { ConfigProblem } from '../protocol/types.ts';
import type { FlowDeps } from './deps.ts';

/** The Incus that was named when the backend was started, as the editor's settings do, and the home that else says it. */
export interface TargetSources {
  home: string;
  incusSocket?: string;
  incusProject?: string;
}

/** The Incus that a backend serves which is started now. One backend has one Incus, whatever the workspaces say. */
export async function incusTarget({ home, incusSocket, incusProject }: TargetSources): Promise<IncusTarget> {
  const config = await loadConfig({ workspace: home, home, settings: {} });
  const socket = incusSocket ?? config.get('incus.socket');
  return {
    socketPath: await findSocket(socket === '' ? undefined : socket),
    project: incusProject ?? config.get('incus.project'),
  };
}

/** What is to say where the configuration names another Incus than the one that this backend serves. */
export async function targetProblems(deps: FlowDeps, config: EffectiveConfig): Promise<ConfigProblem[]> {
  const { target } = deps.incus;
  const next = await incusTarget(deps.target);
  const keys = [
    { key: 'incus.project', setting: 'incusProject', used: target.project, next: next.project },
    { key: 'incus.socket', setting: 'incusSocket', used: target.socketPath, next: next.socketPath },
  ] as const;
  return keys.flatMap(one => {
    const said = config.get(one.key);
    const because = said === '' || said === one.used ? undefined : whyNot(said, one, config, deps);
    if (because === undefined) return [];
    const { path = join(deps.home, '.coi', 'config.toml'), line = 1 } = config.origin(one.key);
    const message = `${one.key} is not in force, but ${JSON.stringify(one.used)} is: ${because}`;
    return [{ path, line, column: 1, severity: 'warning', message }];
  });
}

function whyNot(
  said: string,
  one: { key: 'incus.project' | 'incus.socket'; setting: 'incusProject' | 'incusSocket'; next: string },
  config: EffectiveConfig,
  deps: FlowDeps,
): string | undefined {
  if (said === one.next) return 'it is read when the backend starts. Run "Incus Agents: Restart Backend".';
  if (!config.isSet(one.key)) return undefined;
  return deps.target[one.setting] === undefined
    ? `it counts in ~/.coi/config.toml and as the setting incusAgents.${one.setting} only.`
    : `the setting incusAgents.${one.setting} comes before it.`;
}
