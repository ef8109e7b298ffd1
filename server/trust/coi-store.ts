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

/** What one file asks for that coi knows too, which is approved together or not at all. */
export interface Bundle<T extends TrustRequest> {
  source: string;
  items: T[];
  fingerprint: string;
}

/** Sorts those requests that coi knows by the file that asks. */
export function bundles<T extends TrustRequest>(items: readonly T[]): Bundle<T>[] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    if (!item.coi) continue;
    const group = groups.get(item.source);
    if (group === undefined) groups.set(item.source, [item]);
    else group.push(item);
  }
  return [...groups].map(([source, group]) => {
    return { source, items: group, fingerprint: fingerprint(group.map(item => item.line)) };
  });
}
