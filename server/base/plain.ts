/** Control characters, bidirectional and other invisible formatting, lone surrogates: nothing of it belongs into a label. */
const UNSEEN = /\p{Cc}|\p{Cf}|\p{Cs}|\p{Co}|\p{Cn}|\p{Zl}|\p{Zp}|[\u115f\u1160\u3164\uffa0]/gu;

/** Terminal sequences as a whole, so that their letters and digits do not stay behind. */
const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[ -/]*[0-~])/g;

/** One line of hostile text made fit for a label: nothing unseen, single blanks, at most `max` characters. */
export function plainLine(text: string, max: number): string {
  const line = text
    .slice(0, max * 8 + 256)
    .replace(ESCAPES, ' ')
    .replace(UNSEEN, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  const characters = [...line];
  return characters.length <= max ? line : `${characters.slice(0, max - 1).join('')}…`;
}

/** Hostile text of several lines made fit to be shown as plain text: line breaks and tabs stay. At most `max` UTF-16 units. */
export function plainText(text: string, max: number): string {
  const clean = text
    .slice(0, max)
    .replace(/\r\n?/g, '\n')
    .replace(ESCAPES, '')
    .replace(UNSEEN, c => (c === '\n' || c === '\t' ? c : ''));
  return text.length > max ? `${clean}…` : clean;
}
