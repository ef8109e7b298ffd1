import type { ConfigProblem } from '../protocol/types.ts';
import { BUILT_IN_NAMES } from './builtin.ts';
import { isTable } from './check.ts';
import type { TomlDocument } from './document.ts';
import { PROFILE } from './forms.ts';
import { type Profile, profileOf } from './profiles.ts';
import type { Place } from './spec.ts';

/** `[profiles.NAME]` inside a configuration file, as coi had them before 0.8. */
export function inlineProfiles(
  document: TomlDocument,
  project: boolean,
  place: Place,
): { profiles: Profile[]; problems: ConfigProblem[] } {
  const { profiles: tables } = document.table;
  if (tables === undefined) return { profiles: [], problems: [] };
  const at = (path: string[], severity: ConfigProblem['severity'], message: string): ConfigProblem => ({
    path: document.path,
    ...document.at(path),
    severity,
    message,
  });
  if (!isTable(tables)) return { profiles: [], problems: [at(['profiles'], 'error', 'profiles must be a table.')] };
  const moved = 'Current coi versions read profiles from .coi/profiles/NAME/config.toml only; move it there.';
  const problems = [at(['profiles'], 'warning', moved)];
  const profiles: Profile[] = [];
  for (const [name, table] of Object.entries(tables)) {
    if (!PROFILE.test(name) || !isTable(table) || (project && BUILT_IN_NAMES.includes(name)))
      problems.push(at(['profiles', name], 'warning', `profiles.${name} cannot be a profile and is not read.`));
    else {
      const part: TomlDocument = {
        path: document.path,
        table,
        at: path => document.at(['profiles', name, ...path]),
      };
      profiles.push(profileOf(name, part, project, place));
    }
  }
  return { profiles, problems };
}
