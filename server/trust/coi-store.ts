import { createHash } from 'node:crypto';
import type { TrustRequest } from './types.ts';

/**
 * coi's fingerprint of what one file asks for: SHA-256 of the lines, sorted by their bytes and joined by line feeds
 * (`sourceFingerprint` of coi 0.13).
 */
export function fingerprint(lines: readonly string[]): string {
  const sorted = lines.map(line => Buffer.from(line, 'utf8')).sort(Buffer.compare);
  const hash = createHash('sha256');
  sorted.forEach((line, index) => {
    if (index > 0) hash.update('\n');
    hash.update(line);
  });
  return hash.digest('hex');
}

/** One file's requests of one store, which are approved together or not at all. */
export interface Bundle<T extends TrustRequest> {
  source: string;
  coi: boolean;
  items: T[];
  fingerprint: string;
}

/** Sorts requests by the file that asks, and by the store that keeps the approval. */
export function bundles<T extends TrustRequest>(items: readonly T[]): Bundle<T>[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const name = `${item.coi}\0${item.source}`;
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [item]);
    else group.push(item);
  }
  return [...groups.values()].flatMap(group => {
    const [first] = group;
    if (first === undefined) return [];
    const lines = group.map(item => item.line);
    return [{ source: first.source, coi: first.coi, items: group, fingerprint: fingerprint(lines) }];
  });
}
