/** Control characters, those that turn the direction, other invisible ones, and halves of characters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/gu;
const PUNCTUATION = /[!-/:-@[-`{-~]/g;

/**
 * Makes text from inside a container fit for labels, quick picks, notifications and terminal names: one line,
 * no control or direction-changing characters, nothing that the editor would render as icon or link, and short.
 */
export function plain(text: string, max = 80): string {
  const line = text.replace(UNSEEN, ' ').replace(/\s+/g, ' ').trim().replaceAll('$(', '$ (').replaceAll('](', '] (');
  const characters = [...line];
  return characters.length <= max ? line : `${characters.slice(0, max - 1).join('')}…`;
}

/** Text of several lines without what a reader would be misled by; line breaks and tabs stay. */
export function visible(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(UNSEEN, character => (/[\n\t]/.test(character) ? character : ''));
}

/** Escapes text for markdown: each ASCII punctuation mark becomes an entity, so no markup, link or autolink is left. */
export function escapeMarkdown(text: string, max = 200): string {
  const flat = [...text.replace(UNSEEN, ' ')].slice(0, max).join('');
  return flat.replace(PUNCTUATION, mark => `&#${mark.charCodeAt(0)};`);
}

/** "1 slot", "2 slots". */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The last part of a path, or the path when it has none. */
export function baseName(path: string): string {
  return (
    path
      .split('/')
      .filter(part => part !== '')
      .at(-1) ?? path
  );
}

/** How long ago in the two largest units, such as "3 h 5 min ago"; under a minute, "just now", and from a week on in days. */
export function ago(since: string, now: number): string {
  const minutes = Math.floor((now - Date.parse(since)) / 60_000);
  if (!Number.isFinite(minutes) || minutes < 1) return 'just now';
  const days = Math.floor(minutes / 1440);
  if (days >= 7) return `${days} d ago`;
  return `${duration(minutes * 60)} ago`;
}

/** Seconds in the two largest units. */
export function duration(seconds: number): string {
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const parts: string[] = [];
  let rest = Math.max(0, Math.floor(seconds));
  for (const [size, name] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}

/** Bytes with a binary unit. */
export function size(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
