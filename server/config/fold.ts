import { isDeepStrictEqual } from 'node:util';
import type { ConfigOrigin, ConfigProblem } from '../protocol/types.ts';
import { MOST_CHARACTERS } from './asks.ts';
import { defaultsFor } from './defaults.ts';
import { joinValues } from './join.ts';
import type { Entry, Layer } from './layer.ts';
import { specOf } from './schema.ts';
import type { Ask, KeySpec } from './spec.ts';
import type { GatedItem } from './types.ts';
import type { ConfigKey } from './values.ts';

/** The effective value of a key so far. */
export interface Held {
  value: unknown;
  origin: ConfigOrigin;
}

/** What the layers come to. */
export interface Folded {
  held: Map<ConfigKey, Held>;
  gated: GatedItem[];
  problems: ConfigProblem[];
}

/** Names an item, to tell whether it was approved. */
export function gateId(item: { source: string; line: string }): string {
  return `${item.source}\0${item.line}`;
}

/** Lays the layers over the defaults, lowest first; of what a project asks for only what was approved counts. */
export function fold(layers: readonly Layer[], home: string, approved: ReadonlySet<string>): Folded {
  const folding = new Folding(home, approved);
  for (const layer of layers) for (const [key, entry] of layer.entries) folding.lay(layer, specOf(key), entry);
  return folding.result();
}

class Folding {
  readonly #held: Map<ConfigKey, Held>;
  readonly #approved: ReadonlySet<string>;
  /** By what they would set, so that a later layer that sets it takes the question back. */
  readonly #gated = new Map<string, GatedItem>();
  readonly #problems: ConfigProblem[] = [];

  constructor(home: string, approved: ReadonlySet<string>) {
    this.#held = defaultsFor(home);
    this.#approved = approved;
  }

  result(): Folded {
    return { held: this.#held, gated: [...this.#gated.values()], problems: this.#problems };
  }

  lay(layer: Layer, spec: KeySpec, entry: Entry): void {
    if (spec.emptyIsUnset && isEmpty(entry.value)) return;
    const held = this.#held.get(spec.key);
    const value = layer.project ? this.#judge(layer, spec, entry, held?.value) : entry.value;
    if (value === undefined) return;
    const join = layer.adds ? 'union' : spec.join;
    if (!layer.project && join === 'replace') this.#takeBack(spec.key);
    this.#held.set(spec.key, {
      value: joinValues({ ...spec, join }, held?.value, value),
      origin: originOf(layer, entry),
    });
  }

  /** What of a project's value counts; undefined for nothing. */
  #judge(layer: Layer, spec: KeySpec, entry: Entry, current: unknown): unknown {
    const { project: rule } = spec;
    if (rule.rule === 'free') {
      if (spec.key === 'container.persistent' && entry.value === true)
        this.#tell(
          'info',
          layer,
          entry,
          'The project keeps its containers: what runs in one is there in the next session.',
        );
      return entry.value;
    }
    if (rule.rule === 'ask') {
      const asks = rule.asks(entry.value, current, layer.place);
      for (const ask of asks) this.#ask(layer, spec.key, entry, ask);
      const may = (line: string): boolean => this.#approved.has(gateId({ source: layer.place.source, line }));
      const taken = rule.take(entry.value, may, current, layer.place);
      return asks.length > 0 && isNothing(taken) ? undefined : taken;
    }
    if (isDeepStrictEqual(entry.value, current)) return undefined;
    if (rule.rule === 'tighten' && rule.allows(entry.value, current, layer.place)) return entry.value;
    if (rule.rule === 'never' && rule.quiet?.(entry.value)) return undefined;
    const why = `${spec.key} is ignored in a project's own file: ${rule.why}. Set it in ~/.coi/config.toml.`;
    this.#tell('warning', layer, entry, why);
    return undefined;
  }

  #ask(layer: Layer, key: ConfigKey, entry: Entry, ask: Ask): void {
    const item: GatedItem = { ...ask, source: layer.place.source };
    if (ask.what.length > MOST_CHARACTERS) {
      const why = `what it asks for has ${ask.what.length} characters, too long to be looked at and approved`;
      this.#tell('warning', layer, entry, `${key} is ignored in part: ${why}. Set it in ~/.coi/config.toml.`);
      return;
    }
    this.#gated.set(`${key}\0${gateId(item)}`, item);
    if (this.#approved.has(gateId(item))) return;
    this.#tell('warning', layer, entry, `${ask.what}: ignored until you approve it.`);
  }

  #takeBack(key: ConfigKey): void {
    for (const name of this.#gated.keys()) if (name.startsWith(`${key}\0`)) this.#gated.delete(name);
  }

  #tell(severity: ConfigProblem['severity'], layer: Layer, entry: Entry, message: string): void {
    this.#problems.push({ path: layer.place.source, line: 1, column: 1, ...entry.position, severity, message });
  }
}

function originOf(layer: Layer, entry: Entry): ConfigOrigin {
  return {
    kind: layer.kind,
    ...(layer.place.source === '' ? {} : { path: layer.place.source }),
    ...(entry.position === undefined ? {} : { line: entry.position.line }),
  };
}

/** A list or a table of which nothing counts. */
function isNothing(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function isEmpty(value: unknown): boolean {
  return value === '' || value === 0 || (Array.isArray(value) && value.length === 0);
}
