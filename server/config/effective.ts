import { Failure } from '../base/errors.ts';
import type { ConfigOrigin, ConfigProblem, ConfigValue } from '../protocol/types.ts';
import { agentProblems } from './agent-problems.ts';
import { type Folded, fold, gateId } from './fold.ts';
import type { Layer } from './layer.ts';
import { redact } from './redact.ts';
import type { EffectiveConfig, GatedItem, ProfileInfo } from './types.ts';
import type { ConfigKey, ConfigValues } from './values.ts';

const TOLD = 3;

/** What was read for one request, before the layers are laid over one another. */
export interface Gathered {
  home: string;
  layers: Layer[];
  /** Problems that hold a launch up when they are errors. */
  problems: ConfigProblem[];
  /** Problems of files that are not in force, such as other profiles. */
  aside: ConfigProblem[];
  profile?: string;
  profiles: ProfileInfo[];
  /** The layers with each other profile in force, and with none. */
  others: Layer[][];
}

/** The configuration that the layers come to. */
export function effectiveConfig(gathered: Gathered, approved: ReadonlySet<string> = new Set()): EffectiveConfig {
  const folded = fold(gathered.layers, gathered.home, approved);
  const agents = agentProblems(gathered.layers, heldOf(folded, 'agents').value);
  const holding = [...gathered.problems, ...folded.problems, ...agents];
  return {
    get: key => typedValue(folded, key),
    beneathLaunch: key => {
      const beneath = gathered.layers.filter(layer => layer.kind !== 'launch');
      return typedValue(fold(beneath, gathered.home, approved), key);
    },
    origin: key => heldOf(folded, key).origin,
    isSet: key => heldOf(folded, key).origin.kind !== 'default',
    values: () => shown(folded),
    problems: unique([...holding, ...gathered.aside]),
    ...(gathered.profile === undefined ? {} : { profile: gathered.profile }),
    profiles: gathered.profiles,
    gated: folded.gated,
    pending: folded.gated.filter(item => !approved.has(gateId(item))),
    gatedByAny: () => askedByAny(gathered),
    approve: items => effectiveConfig(gathered, new Set([...approved, ...items.map(gateId)])),
    requireValid: () => requireNoErrors(holding),
  };
}

/**
 * What the project asks for under any profile, the same whichever is in force and whatever has been approved: approvals of a file are
 * pinned to all that it asks for. What was approved may raise further questions, such as a profile's image in place of an approved one.
 */
function askedByAny({ layers, others, home }: Gathered): GatedItem[] {
  const asked = (approved: ReadonlySet<string>): GatedItem[] =>
    [layers, ...others].flatMap(stack => fold(stack, home, approved).gated);
  const first = asked(new Set());
  return [...new Map([...first, ...asked(new Set(first.map(gateId)))].map(item => [gateId(item), item])).values()];
}

function typedValue<K extends ConfigKey>(folded: Folded, key: K): ConfigValues[K] {
  const { value } = heldOf(folded, key);
  // Each value has passed the check of its key, which is what ConfigValues describes.
  return structuredClone(key === 'ports.map' ? withListen(value) : value) as ConfigValues[K];
}

function heldOf(folded: Folded, key: ConfigKey): { value: unknown; origin: ConfigOrigin } {
  const held = folded.held.get(key);
  if (held === undefined) throw new Failure('internal', `The configuration has no key ${key}.`);
  return held;
}

function shown(folded: Folded): ConfigValue[] {
  return [...folded.held].map(([key, { origin }]) => ({ key, value: redact(key, typedValue(folded, key)), origin }));
}

function withListen(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map(entry => ({ ...entry, listen: entry.listen === '' ? '127.0.0.1' : entry.listen }));
}

function requireNoErrors(problems: readonly ConfigProblem[]): void {
  const errors = unique(problems.filter(problem => problem.severity === 'error'));
  if (errors.length === 0) return;
  const told = errors.slice(0, TOLD).map(({ path, line, column, message }) => `${path}:${line}:${column}: ${message}`);
  const more = errors.length > TOLD ? ` … and ${errors.length - TOLD} more.` : '';
  throw new Failure('config', `The configuration has errors. ${told.join(' ')}${more}`, {
    hint: 'Correct the file at the place that is named, and try again.',
  });
}

function unique(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...new Map(problems.map(problem => [JSON.stringify(problem), problem])).values()];
}
