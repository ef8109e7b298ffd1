import { dirname, join } from 'node:path';
import { Failure, messageOf } from '../base/errors.ts';
import type { ConfigProblem } from '../protocol/types.ts';
import { BUILT_IN_NAMES } from './builtin.ts';
import type { Position, TomlDocument } from './document.ts';
import { type FilePlace, profileFolders, readDocument } from './files.ts';
import { PROFILE } from './forms.ts';
import { type Layer, LayerReader } from './layer.ts';
import { listBeneath, listOwn, PROJECT_PROFILES_LIMIT, readBeneath, readOwn } from './read.ts';
import type { Place } from './spec.ts';
import type { ConfigSources, ProfileInfo } from './types.ts';

/** A profile as it was read. */
export interface Profile {
  name: string;
  layer: Layer;
  inherits?: string;
  inheritsAt?: Position;
  problems: ConfigProblem[];
}

/** Finds and reads every profile. The same name in two places is an error, and the first one is kept. */
export async function readProfiles(sources: ConfigSources): Promise<{
  profiles: Map<string, Profile>;
  problems: ConfigProblem[];
}> {
  const profiles = new Map<string, Profile>();
  const problems: ConfigProblem[] = [];
  for (const { directory, project } of profileFolders(sources)) {
    sources.signal?.throwIfAborted();
    const found = await namesIn(sources, directory, project);
    problems.push(...found.problems);
    const budget = { left: project ? PROJECT_PROFILES_LIMIT : Number.POSITIVE_INFINITY };
    for (const name of found.names) {
      const profile = await readProfile(sources, directory, project, name, budget);
      if (profile === undefined) continue;
      const problem = objection(profile, profiles.get(name));
      if (problem === undefined) profiles.set(name, profile);
      else problems.push(problem);
    }
  }
  return { profiles, problems };
}

/** What a list of profiles says of each. */
export function profileInfos(profiles: ReadonlyMap<string, Profile>): ProfileInfo[] {
  const own = [...profiles.values()].map(({ name, layer, inherits }) => ({
    name,
    path: layer.place.source,
    trusted: !layer.project,
    ...(inherits === undefined ? {} : { inherits }),
  }));
  const builtIn = BUILT_IN_NAMES.filter(name => !profiles.has(name)).map(name => ({ name, trusted: true }));
  return [...own, ...builtIn].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** Reads one profile's document as a layer. */
export function profileOf(name: string, document: TomlDocument, project: boolean, place: Place): Profile {
  const reader = new LayerReader(document, 'profile', { kind: 'profile', project, place });
  const layer = reader.read();
  const { inherits } = document.table;
  if (inherits === undefined || inherits === '') return { name, layer, problems: reader.problems };
  const inheritsAt = document.at(['inherits']);
  if (typeof inherits === 'string') return { name, layer, inherits, inheritsAt, problems: reader.problems };
  const message = 'inherits must be the name of a profile.';
  const problem: ConfigProblem = { path: document.path, ...inheritsAt, severity: 'error', message };
  return { name, layer, problems: [...reader.problems, problem] };
}

async function namesIn(
  sources: ConfigSources,
  directory: string,
  project: boolean,
): Promise<{ names: string[]; problems: ConfigProblem[] }> {
  const path = join(directory, 'profiles');
  try {
    const all = project ? await listBeneath(sources.workspace, ['.coi', 'profiles']) : await listOwn(path);
    const strange = all.filter(name => !PROFILE.test(name));
    const problems = strange.map(name =>
      problemAt(path, 'warning', `The folder ${JSON.stringify(name)} is not named as a profile and is not read.`),
    );
    return { names: all.filter(name => PROFILE.test(name)), problems };
  } catch (error) {
    return { names: [], problems: [problemAt(path, 'error', messageOf(error))] };
  }
}

async function readProfile(
  sources: ConfigSources,
  directory: string,
  project: boolean,
  name: string,
  budget: { left: number },
): Promise<Profile | undefined> {
  const path = join(directory, 'profiles', name, 'config.toml');
  const read: FilePlace['read'] = async () => {
    const parts = ['.coi', 'profiles', name, 'config.toml'];
    const bytes = await (project ? readBeneath(sources.workspace, parts) : readOwn(path));
    budget.left -= bytes?.length ?? 0;
    if (budget.left < 0)
      throw new Failure('config', `The project's profiles have more than the ${PROJECT_PROFILES_LIMIT} bytes allowed.`);
    return bytes;
  };
  const { document, problems } = await readDocument({ path, read });
  const place: Place = {
    home: sources.home,
    workspace: sources.workspace,
    directory: dirname(path),
    source: path,
  };
  if (document === undefined) {
    if (problems.length === 0) return undefined;
    return { name, layer: { kind: 'profile', project, place, entries: new Map() }, problems };
  }
  const profile = profileOf(name, document, project, place);
  return { ...profile, problems: [...problems, ...profile.problems] };
}

function objection(profile: Profile, same: Profile | undefined): ConfigProblem | undefined {
  const { name, layer } = profile;
  if (layer.project && BUILT_IN_NAMES.includes(name))
    return problemAt(
      layer.place.source,
      'warning',
      `The profile ${name} is ignored: a project must not take the place of a built-in profile.`,
    );
  if (same === undefined) return undefined;
  return problemAt(
    layer.place.source,
    'error',
    `The profile ${name} is defined twice, here and in ${same.layer.place.source}. Rename or delete one of them.`,
  );
}

function problemAt(path: string, severity: ConfigProblem['severity'], message: string): ConfigProblem {
  return { path, line: 1, column: 1, severity, message };
}
