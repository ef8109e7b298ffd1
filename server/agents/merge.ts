import type { AgentFile } from './types.ts';

type Json = Record<string, unknown>;

/**
 * What must be written for a file when `existing` is there already (undefined: nothing is). With `json`, objects are merged
 * deeply and our values win; what is no JSON object counts as empty, since the agent itself would start anew with it. The other ways
 * of merging are done inside, where the file is.
 */
export function mergedContent(file: AgentFile, existing: string | undefined): string {
  if (file.merge !== 'json') return file.content;
  return `${JSON.stringify(merged(parsed(existing), parsed(file.content)), null, 2)}\n`;
}

function parsed(text: string | undefined): Json {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function merged(below: Json, above: Json): Json {
  const result: Json = Object.assign(Object.create(null), below);
  for (const [key, value] of Object.entries(above)) {
    const old = Object.hasOwn(below, key) ? below[key] : undefined;
    result[key] = isObject(value) && isObject(old) ? merged(old, value) : value;
  }
  return result;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
