import type { Check, Issue } from './check.ts';
import type { GatedKind } from './types.ts';
import type { ConfigKey, ConfigValues } from './values.ts';

/** How a later layer's value meets an earlier one's: as coi merges each key. */
export type Join = 'replace' | 'union' | 'append' | 'merge' | 'by-name';

/** Where a file lies, to resolve paths and to judge what a project may say. */
export interface Place {
  home: string;
  workspace: string;
  /** Directory that relative paths start from. */
  directory: string;
  /** Absolute path of the file; empty for settings and launch parameters. */
  source: string;
}

/** One thing to approve, before it is tied to its file. */
export interface Ask {
  kind: GatedKind;
  what: string;
  line: string;
  coi: boolean;
}

/** What a project's own file may say for a key. */
export type ProjectRule =
  | { rule: 'free' }
  /** Only the user's own files may; `quiet` drops without a word what would tighten anyway. */
  | { rule: 'never'; why: string; quiet?: (value: unknown) => boolean }
  /** Only what is at least as strict as what holds without it. */
  | { rule: 'tighten'; why: string; allows: (value: unknown, current: unknown, place: Place) => boolean }
  /** Parts of the value that count only when approved; `take` builds the value from what may count. */
  | {
      rule: 'ask';
      asks: (value: unknown, current: unknown, place: Place) => Ask[];
      take: (value: unknown, may: (line: string) => boolean, current: unknown, place: Place) => unknown;
    };

/** Everything about one key. */
export interface KeySpec<K extends ConfigKey = ConfigKey> {
  key: K;
  about: string;
  check: Check;
  default: ConfigValues[K];
  join: Join;
  project: ProjectRule;
  /** Whether "", 0 or [] means "not set here", as coi takes it. */
  emptyIsUnset: boolean;
  /** coi knows the key, and nothing here uses it; a text says why. */
  unused: boolean | string;
  /** Parts of a value that have no effect; each message follows "is known to coi; ". */
  unusedParts: (raw: unknown) => Issue[];
  /** Makes the typed value of a checked raw one: paths absolute, defaults filled in. */
  read: (raw: unknown, place: Place) => unknown;
}

type Options<K extends ConfigKey> = Partial<Omit<KeySpec<K>, 'key' | 'check' | 'default' | 'about'>>;

/** A key that a project may set freely unless `options` say otherwise. */
export function key<K extends ConfigKey>(
  name: K,
  check: Check,
  value: ConfigValues[K],
  about: string,
  options: Options<K> = {},
): KeySpec {
  const spec: KeySpec<K> = {
    key: name,
    about,
    check,
    default: value,
    join: options.join ?? 'replace',
    project: options.project ?? { rule: 'free' },
    emptyIsUnset: options.emptyIsUnset ?? (value === '' || value === 0 || typeof value === 'string'),
    unused: options.unused ?? false,
    unusedParts: options.unusedParts ?? (() => []),
    read: options.read ?? (raw => raw),
  };
  return spec;
}

/** Only the user's own files may set it. */
export const never = (why: string, quiet?: (value: unknown) => boolean): ProjectRule => ({
  rule: 'never',
  why,
  ...(quiet === undefined ? {} : { quiet }),
});

/** The project may only say this value. */
export const only = (value: boolean | string, why: string): ProjectRule => ({
  rule: 'tighten',
  why,
  allows: (said, current) => said === value || said === current,
});

/** The project may only go up this ladder. */
export const upTo = (ladder: string[], why: string): ProjectRule => ({
  rule: 'tighten',
  why,
  allows: (said, current) => ladder.indexOf(String(said)) >= ladder.indexOf(String(current)),
});
