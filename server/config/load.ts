import { dirname, join } from 'node:path';
import type { ConfigProblem } from '../protocol/types.ts';
import { additionsLayer } from './additions.ts';
import { builtInLayer } from './builtin.ts';
import { effectiveConfig } from './effective.ts';
import { configFiles, readDocument } from './files.ts';
import { fold } from './fold.ts';
import { inheritedLayers } from './inherit.ts';
import { inlineProfiles } from './inline-profiles.ts';
import { type Layer, LayerReader } from './layer.ts';
import { type Profile, profileInfos, readProfiles } from './profiles.ts';
import { launchLayer, settingsLayer } from './settings.ts';
import type { Place } from './spec.ts';
import type { ConfigSources, EffectiveConfig } from './types.ts';

/**
 * Reads the whole configuration afresh: built-in values, the machine's and the user's files, the project's, COI_CONFIG's,
 * the profile, what was allowed for the workspace, the settings, the launch; each above the one before. Whatever is wrong in a file becomes a problem; only
 * an aborted signal makes it throw.
 */
export async function loadConfig(sources: ConfigSources): Promise<EffectiveConfig> {
  const files = await readFiles(sources);
  const found = await readProfiles(sources);
  const profiles = new Map(files.profiles);
  const taken = addProfiles(profiles, [...found.profiles.values()]);
  const additions = await additionsLayer(sources);
  const settings = settingsLayer(sources);
  const launch = launchLayer(sources);
  const chosen = chooseProfile(sources, files.layers, [settings.layer, launch], profiles);
  const inForce = new Set(chosen.problems);
  const layersWith = (profile: readonly Layer[]) => [
    ...[...files.layers, ...profile],
    ...[...additions.layers, settings.layer, launch],
  ];
  return effectiveConfig({
    home: sources.home,
    layers: layersWith(chosen.layers),
    others: othersOf(profiles, chosen.name).map(layersWith),
    problems: [
      ...files.problems,
      ...found.problems,
      ...taken,
      ...chosen.problems,
      ...additions.problems,
      ...settings.problems,
    ],
    aside: [...profiles.values()].flatMap(profile => profile.problems).filter(problem => !inForce.has(problem)),
    ...(chosen.name === undefined ? {} : { profile: chosen.name }),
    profiles: profileInfos(profiles),
  });
}

async function readFiles(sources: ConfigSources): Promise<{
  layers: Layer[];
  profiles: Map<string, Profile>;
  problems: ConfigProblem[];
}> {
  const layers: Layer[] = [];
  const profiles = new Map<string, Profile>();
  const problems: ConfigProblem[] = [];
  for (const file of configFiles(sources)) {
    sources.signal?.throwIfAborted();
    const { document, problems: wrong } = await readDocument(file);
    problems.push(...wrong);
    if (document === undefined) continue;
    const place = placeOf(sources, file.path);
    const reader = new LayerReader(document, 'config', { kind: 'file', project: file.project, place });
    layers.push(reader.read());
    const inline = inlineProfiles(document, file.project, place);
    const taken = addProfiles(profiles, inline.profiles);
    problems.push(...reader.problems, ...inline.problems, ...taken);
  }
  return { layers, profiles, problems };
}

/** Adds profiles over those of the same name, but none of a project's over one of the user's, which may be what makes a slot firm. */
function addProfiles(profiles: Map<string, Profile>, more: readonly Profile[]): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const profile of more) {
    const { name, layer } = profile;
    if (layer.project && profiles.get(name)?.layer.project === false) {
      const message = `The profile ${name} is ignored: you have one of that name, whose place a project must not take.`;
      problems.push({ path: layer.place.source, line: 1, column: 1, severity: 'warning', message });
    } else profiles.set(name, profile);
  }
  return problems;
}

interface Chosen {
  name?: string;
  layers: Layer[];
  problems: ConfigProblem[];
}

function chooseProfile(
  sources: ConfigSources,
  files: readonly Layer[],
  above: readonly Layer[],
  profiles: ReadonlyMap<string, Profile>,
): Chosen {
  const { held: folded } = fold([...files, ...above], sources.home, new Set());
  const held = folded.get('defaults.profile');
  const name = sources.profile ?? (typeof held?.value === 'string' ? held.value : '');
  if (name === '') return { layers: [], problems: [] };
  const inherited = inheritedLayers(name, profiles);
  if (inherited !== undefined) return { name, ...inherited };
  const builtIn = builtInLayer(name, placeOf(sources, ''));
  // The hardened profile must not widen what an allow-list has narrowed.
  if (folded.get('network.mode')?.value === 'allowlist') builtIn?.entries.delete('network.mode');
  if (builtIn !== undefined) return { name, layers: [builtIn], problems: [] };
  const origin = sources.profile === undefined ? held?.origin : undefined;
  const problem: ConfigProblem = {
    path: origin?.path ?? (origin?.kind === 'setting' ? 'settings.json' : join(sources.home, '.coi', 'profiles')),
    line: origin?.line ?? 1,
    column: 1,
    severity: 'error',
    message: `There is no profile ${JSON.stringify(name)}. There are: ${profileInfos(profiles)
      .map(info => info.name)
      .join(', ')}.`,
  };
  return { name, layers: [], problems: [problem] };
}

/** The layers of each profile but the one in force, and none where one is: the user's too, as they take the place of what a project asks for. */
function othersOf(profiles: ReadonlyMap<string, Profile>, chosen: string | undefined): Layer[][] {
  const names = [...profiles.keys()].filter(name => name !== chosen);
  const inherited = names.flatMap(name => inheritedLayers(name, profiles) ?? []).map(({ layers }) => layers);
  return chosen === undefined ? inherited : [[], ...inherited];
}

function placeOf(sources: ConfigSources, path: string): Place {
  const { home, workspace } = sources;
  return { home, workspace, directory: path === '' ? workspace : dirname(path), source: path };
}
