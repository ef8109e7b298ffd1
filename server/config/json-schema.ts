import { isTable } from './check.ts';
import { NOT_IN_FILES, PROFILE_ROOT, SCHEMA } from './schema.ts';
import type { KeySpec } from './spec.ts';

type Json = Record<string, unknown>;

/** JSON Schema (2020-12) of a configuration file or of a profile's, for editors of TOML. */
export function jsonSchema(form: 'config' | 'profile'): Json {
  const properties: Json = {};
  for (const spec of SCHEMA.values()) {
    const path = placeOf(spec, form);
    if (path !== undefined) put(properties, path, schemaOf(spec));
  }
  if (form === 'profile') properties.inherits = { type: 'string', description: 'Profile that this one builds on.' };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: form === 'config' ? 'Configuration of coi and Incus Agents' : 'Profile of coi and Incus Agents',
    type: 'object',
    properties,
    additionalProperties: false,
  };
}

function placeOf({ key }: KeySpec, form: 'config' | 'profile'): string[] | undefined {
  if (NOT_IN_FILES.has(key)) return undefined;
  if (form === 'config') return key === 'context' ? undefined : key.split('.');
  const root = Object.entries(PROFILE_ROOT).find(([, target]) => target === key);
  if (root !== undefined) return [root[0]];
  return key.startsWith('defaults.') ? undefined : key.split('.');
}

function schemaOf(spec: KeySpec): Json {
  const described = { ...spec.check.json, description: spec.about };
  if (spec.key !== 'mounts') return described;
  const nested = { type: 'object', additionalProperties: false, properties: { default: spec.check.json } };
  return { anyOf: [spec.check.json, nested], description: spec.about };
}

function put(properties: Json, path: string[], schema: Json): void {
  const [name, ...rest] = path;
  if (name === undefined) return;
  if (rest.length === 0) {
    properties[name] = schema;
    return;
  }
  const found = properties[name];
  const section: Json = isTable(found) ? found : { type: 'object', properties: {}, additionalProperties: false };
  properties[name] = section;
  if (isTable(section.properties)) put(section.properties, rest, schema);
}
