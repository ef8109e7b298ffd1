import type { TrustItem } from '../../server/protocol/types.ts';

/** What cannot be seen, and what turns the direction of what can. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;
/** Blanks that would push what follows out of sight. */
const GAP = /[\p{Zs}]{4,}/gu;
/** Characters of a line on a page, so that none leads out of sight. */
const WIDTH = 72;
/** The most that a dialog shows in a small window; it cuts what is longer. */
const DIALOG = { characters: 800, items: 8 };

/** Hostile text that is to be approved: all of it, and everything in it can be seen. */
export function spelled(text: string): string {
  return text
    .replace(UNSEEN, unseen => `\\u{${unseen.codePointAt(0)?.toString(16) ?? ''}}`)
    .replace(GAP, gap => ` [${[...gap].length} blanks] `);
}

/** Items as lines, none of them cut. */
export function listed(items: readonly TrustItem[]): string {
  return items.map(({ kind, what }) => `• ${spelled(kind)}: ${spelled(what)}`).join('\n');
}

/** Whether a dialog can show them all. */
export function fitsDialog(items: readonly TrustItem[]): boolean {
  return items.length <= DIALOG.items && listed(items).length <= DIALOG.characters;
}

/** The same for a page. */
export function page(title: string, items: readonly TrustItem[]): string {
  const lines = listed(items).split('\n').flatMap(wrapped);
  // The question about it lies over the first lines.
  return [title, ...Array<string>(5).fill(''), ...lines, ''].join('\n');
}

function wrapped(line: string): string[] {
  const characters = [...line];
  const lines: string[] = [];
  for (let at = 0; at < characters.length; at += WIDTH) lines.push(characters.slice(at, at + WIDTH).join(''));
  return lines.map((part, i) => (i === 0 ? part : `    ${part}`));
}
