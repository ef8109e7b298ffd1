import { type AST, parseTOML } from 'toml-eslint-parser';
import type { Position } from './document.ts';

type Path = (string | number)[];

/** Keys lie less deep than this; what is deeper has the place of what is around it, and costs nothing. */
const DEEPEST = 12;

/**
 * The place of every key of a TOML text, by the JSON of its path. smol-toml, which gives the values, knows places only
 * of syntax errors. Empty when this parser does not take the text: places are a convenience.
 */
export function positionsOf(text: string): Map<string, Position> {
  const places = new Map<string, Position>();
  try {
    for (const node of parseTOML(text, { tomlVersion: 'next' }).body[0].body) {
      if (node.type === 'TOMLTable') noteTable(places, node);
      else notePair(places, [], node);
    }
  } catch {
    return places;
  }
  return places;
}

function noteTable(places: Map<string, Position>, table: AST.TOMLTable): void {
  let depth = 0;
  table.resolvedKey.forEach((part, index) => {
    const node = table.key.keys[Math.min(depth, table.key.keys.length - 1)];
    if (typeof part === 'string') depth++;
    if (node !== undefined && index < DEEPEST) note(places, table.resolvedKey.slice(0, index + 1), node);
  });
  for (const pair of table.body) notePair(places, table.resolvedKey, pair);
}

function notePair(places: Map<string, Position>, above: Path, pair: AST.TOMLKeyValue): void {
  if (above.length > DEEPEST) return;
  const path = [...above];
  for (const part of pair.key.keys.slice(0, DEEPEST)) {
    path.push(part.type === 'TOMLBare' ? part.name : part.value);
    note(places, path, part);
  }
  noteValue(places, path, pair.value);
}

function noteValue(places: Map<string, Position>, path: Path, value: AST.TOMLContentNode): void {
  if (path.length > DEEPEST) return;
  if (value.type === 'TOMLInlineTable') for (const pair of value.body) notePair(places, path, pair);
  if (value.type === 'TOMLArray')
    value.elements.forEach((element, index) => {
      note(places, [...path, index], element);
      noteValue(places, [...path, index], element);
    });
}

function note(places: Map<string, Position>, path: Path, node: AST.TOMLNode): void {
  const name = JSON.stringify(path);
  if (!places.has(name)) places.set(name, { line: node.loc.start.line, column: node.loc.start.column + 1 });
}
