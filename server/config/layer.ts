import type { ConfigOriginKind, ConfigProblem } from '../protocol/types.ts';
import { isTable } from './check.ts';
import type { KeyPath, Position, TomlDocument } from './document.ts';
import { RENAMED } from './legacy.ts';
import { isKey, NOT_IN_FILES, PROFILE_ROOT, SCHEMA, specOf } from './schema.ts';
import type { Place } from './spec.ts';
import { suggest } from './suggest.ts';
import type { ConfigKey } from './values.ts';

/** One key as one file, profile, settings or launch gives it. */
export interface Entry {
  value: unknown;
  position?: Position;
  /** Place of a part of the value. */
  at(part: KeyPath): Position | undefined;
}

/** What one place of configuration says. `project`: the project's own, which others may have written. */
export interface Layer {
  kind: Exclude<ConfigOriginKind, 'default'>;
  project: boolean;
  /** Its lists are added to what holds without it, where those of others would take their place. */
  adds?: true;
  place: Place;
  entries: Map<ConfigKey, Entry>;
}

type Form = 'config' | 'profile';

const SECTIONS = new Set(
  [...SCHEMA.keys(), ...Object.keys(RENAMED.config)].flatMap(key =>
    key.split('.').map((_, index, parts) => parts.slice(0, index).join('.')),
  ),
);
/** Root names that are read elsewhere. */
const ELSEWHERE: Readonly<Record<Form, readonly string[]>> = { config: ['profiles'], profile: ['inherits'] };

/** Reads a document as a layer, and tells what is wrong in it; a wrong value counts as not given. */
export class LayerReader {
  readonly problems: ConfigProblem[] = [];
  readonly #document: TomlDocument;
  readonly #form: Form;
  readonly #layer: Layer;

  constructor(document: TomlDocument, form: Form, layer: Omit<Layer, 'entries'>) {
    this.#document = document;
    this.#form = form;
    this.#layer = { ...layer, entries: new Map() };
  }

  /** Goes through the document once. */
  read(): Layer {
    this.#walk(this.#document.table, []);
    return this.#layer;
  }

  #walk(table: Record<string, unknown>, above: string[]): void {
    for (const [name, value] of Object.entries(table)) {
      if (above.length === 0 && ELSEWHERE[this.#form].includes(name)) continue;
      this.#take([...above, name], value);
    }
  }

  #take(path: string[], value: unknown): void {
    const dotted = path.join('.');
    const key = this.#keyFor(path);
    if (key === 'mounts' && isTable(value) && Object.hasOwn(value, 'default'))
      this.#set(key, value.default, [...path, 'default']);
    else if (key !== undefined) this.#set(key, value, path);
    else if (this.#renamed(path, value)) return;
    else if (SECTIONS.has(dotted) && this.#form === 'profile' && dotted === 'defaults')
      this.#tell('error', path, "[defaults] is not part of a profile; its keys belong to the profile's root.");
    else if (SECTIONS.has(dotted) && isTable(value)) this.#walk(value, path);
    else if (SECTIONS.has(dotted)) this.#tell('error', path, `${dotted} must be a table.`);
    else this.#unknown(path);
  }

  #keyFor(path: string[]): ConfigKey | undefined {
    const dotted = path.join('.');
    if (this.#form === 'profile' && Object.hasOwn(PROFILE_ROOT, dotted)) return PROFILE_ROOT[dotted];
    if (!isKey(dotted) || NOT_IN_FILES.has(dotted)) return undefined;
    return dotted === 'context' || (this.#form === 'profile' && dotted.startsWith('defaults.')) ? undefined : dotted;
  }

  #set(key: ConfigKey, raw: unknown, path: string[]): void {
    const spec = specOf(key);
    const issues = spec.check.issues(raw);
    for (const issue of issues)
      this.#tell('error', [...path, ...issue.path], `${[path.join('.'), ...issue.path].join('.')} ${issue.message}.`);
    if (issues.length > 0) return;
    if (spec.unused !== false) {
      const why = spec.unused === true ? 'not used by Incus Agents yet' : spec.unused;
      this.#tell('info', path, `${key} is known to coi; ${why}.`);
    }
    for (const part of spec.unusedParts(raw))
      this.#tell('info', [...path, ...part.path], `${key}.${part.path.at(-1)} is known to coi; ${part.message}.`);
    this.#layer.entries.set(key, {
      value: spec.read(raw, this.#layer.place),
      position: this.#document.at(path),
      at: part => this.#document.at([...path, ...part]),
    });
  }

  #renamed(path: string[], value: unknown): boolean {
    const dotted = path.join('.');
    if (!Object.hasOwn(RENAMED[this.#form], dotted)) return false;
    const key = RENAMED[this.#form][dotted];
    if (key === undefined) return false;
    this.#tell('warning', path, `${dotted} is the old name of ${key}; current coi versions refuse it.`);
    if (!this.#layer.entries.has(key)) this.#set(key, value, path);
    return true;
  }

  #unknown(path: string[]): void {
    const dotted = path.join('.');
    const near = suggest(dotted);
    const hint = NOT_IN_FILES.has(dotted)
      ? ' It is a setting of the editor only.'
      : near === undefined
        ? ''
        : ` Did you mean ${near}?`;
    this.#tell(this.#form === 'profile' ? 'error' : 'warning', path, `${dotted} is not a known key.${hint}`);
  }

  #tell(severity: ConfigProblem['severity'], path: KeyPath, message: string): void {
    this.problems.push({ path: this.#document.path, ...this.#document.at(path), severity, message });
  }
}
