import type { AgentFile } from './types.ts';

const BEGIN = '# BEGIN COI Sandbox Context (managed by coi - do not edit this block)';
const END = '# END COI Sandbox Context (managed by coi)';

/**
 * What must be written for a file when `existing` is there already (undefined: nothing is there). Gives undefined when the
 * file stays as it is. An existing file that is not a JSON object counts as absent for `json`.
 * The block's marks are coi's, so that neither program leaves the other's block behind.
 */
export function mergedContent(file: AgentFile, existing: string | undefined): string | undefined {
  switch (file.merge) {
    case undefined:
      return file.content;
    case 'keep':
      return existing === undefined ? file.content : undefined;
    case 'block':
      return withBlock(existing ?? '', file.content);
    default:
      return `${JSON.stringify(merged(parsed(existing), parsed(file.content)), null, 2)}\n`;
  }
}

function withBlock(text: string, content: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END, begin);
  const rest = begin >= 0 && end >= 0 ? text.slice(0, begin) + text.slice(end + END.length) : text;
  const before = rest.trim();
  return `${before === '' ? '' : `${before}\n\n`}${BEGIN}\n${content.trim()}\n${END}\n`;
}

type Json = Record<string, unknown>;

function parsed(text: string | undefined): Json {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {}; // The agent itself would start anew with a file that it cannot read.
  }
}

function merged(below: Json, above: Json): Json {
  const result: Json = Object.assign(Object.create(null), below);
  for (const [key, value] of Object.entries(above)) {
    const old = result[key];
    result[key] = isObject(value) && isObject(old) ? merged(old, value) : value;
  }
  return result;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
