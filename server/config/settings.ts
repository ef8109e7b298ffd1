import type { ConfigProblem } from '../protocol/types.ts';
import type { Entry, Layer } from './layer.ts';
import { specOf } from './schema.ts';
import type { Place } from './spec.ts';
import type { ConfigSources } from './types.ts';
import type { ConfigKey } from './values.ts';

/** Settings of the editor, without their prefix, and the keys that they are. Others concern the client only. */
export const SETTINGS: Readonly<Record<string, ConfigKey>> = {
  agent: 'tool.name',
  profile: 'defaults.profile',
  image: 'container.image',
  persistent: 'container.persistent',
  maxSlots: 'maxSlots',
  stopTimeout: 'container.shutdown_timeout',
  preserveWorkspacePath: 'paths.preserve_workspace_path',
  permissionMode: 'tool.permission_mode',
  storagePool: 'container.storage_pool',
  environment: 'defaults.environment',
  forwardEnv: 'defaults.forward_env',
  network: 'network.mode',
  docker: 'container.docker',
  'claude.model': 'tool.claude.model',
  'claude.effort': 'tool.claude.effort_level',
};

/** The settings as a layer, above profiles. */
export function settingsLayer(sources: ConfigSources): { layer: Layer; problems: ConfigProblem[] } {
  const place = placeOf(sources);
  const layer: Layer = { kind: 'setting', project: false, place, entries: new Map() };
  const problems: ConfigProblem[] = [];
  for (const [name, key] of Object.entries(SETTINGS)) {
    const raw = Object.hasOwn(sources.settings, name) ? sources.settings[name] : undefined;
    if (raw === undefined || raw === null) continue;
    const issues = specOf(key).check.issues(raw);
    for (const issue of issues) {
      const message = `incusAgents.${[name, ...issue.path].join('.')} ${issue.message}.`;
      problems.push({ path: 'settings.json', line: 1, column: 1, severity: 'error', message });
    }
    if (issues.length === 0) layer.entries.set(key, plain(specOf(key).read(raw, place)));
  }
  return { layer, problems };
}

/** What the launch names as a layer, above everything. */
export function launchLayer(sources: ConfigSources): Layer {
  const entries = new Map<ConfigKey, Entry>();
  for (const [key, value] of Object.entries(sources.launch ?? {}))
    if (value !== undefined) entries.set(specOf(key as ConfigKey).key, plain(value));
  return { kind: 'launch', project: false, place: placeOf(sources), entries };
}

function placeOf({ home, workspace }: ConfigSources): Place {
  return { home, workspace, directory: workspace, source: '' };
}

function plain(value: unknown): Entry {
  return { value, at: () => undefined };
}
