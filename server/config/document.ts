import { parse, TomlError } from 'smol-toml';
import type { ConfigProblem } from '../protocol/types.ts';
import { positionsOf } from './positions.ts';

/** Place in a file; both numbers are 1-based. */
export interface Position {
  line: number;
  column: number;
}

export type KeyPath = readonly (string | number)[];

/** A parsed file. `at` gives the place of a key, or of the nearest table around it. */
export interface TomlDocument {
  path: string;
  table: Record<string, unknown>;
  at(path: KeyPath): Position;
}

const START: Position = { line: 1, column: 1 };

/** Parses a file. What is broken becomes a problem with its place, and the file then counts as empty. */
export function parseDocument(path: string, bytes: Uint8Array): { document: TomlDocument; problem?: ConfigProblem } {
  const text = decode(bytes);
  if (text === undefined) return broken(path, START, 'The file is not UTF-8 text.');
  try {
    const table = parse(text, { maxDepth: 32 });
    const positions = positionsOf(text);
    return { document: { path, table, at: wanted => nearest(positions, wanted) } };
  } catch (error) {
    if (error instanceof TomlError)
      return broken(path, { line: error.line, column: error.column }, firstLine(error.message));
    return broken(path, START, 'The file is nested too deeply to be read.');
  }
}

function broken(path: string, at: Position, message: string): { document: TomlDocument; problem: ConfigProblem } {
  return {
    document: { path, table: {}, at: () => START },
    problem: { path, ...at, severity: 'error', message },
  };
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // The only thing that a fatal decoder throws for is text that is not UTF-8.
    return undefined;
  }
}

function nearest(positions: ReadonlyMap<string, Position>, wanted: KeyPath): Position {
  for (let length = wanted.length; length > 0; length--) {
    const found = positions.get(JSON.stringify(wanted.slice(0, length)));
    if (found !== undefined) return found;
  }
  return START;
}

function firstLine(message: string): string {
  return (message.split('\n', 1)[0] ?? '').replace(/^Invalid TOML document: /, 'Invalid TOML: ');
}
