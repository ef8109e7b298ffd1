import { SCHEMA } from './schema.ts';

/** The known key that an unknown one was probably meant to be. */
export function suggest(dotted: string): string | undefined {
  const last = dotted.split('.').at(-1) ?? '';
  const keys = [...SCHEMA.keys()];
  const close = keys.find(key => distance(key, dotted) <= 2);
  return close ?? keys.find(key => key.endsWith(`.${last}`));
}

/** Letters to add, take away or change (Levenshtein), counted only as far as it matters. */
function distance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > 2 || other.length > 80) return 3;
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const change = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[other.length] ?? 3;
}
