import { join } from 'node:path';
import type { Read } from './read.ts';

const INDEX = /^(extra-)?index-url$/;

/** From the weakest to the strongest; a virtual environment's own is none of them, because it lies in the project. */
function files(home: string, root: string): string[] {
  const system = ['etc/xdg/pip/pip.conf', 'etc/pip.conf'].map(file => join(root, file));
  return [...system, join(home, '.pip/pip.conf'), join(home, '.config/pip/pip.conf')];
}

/** The package indexes that pip is configured with, for all of its commands; addresses as they are written. */
export async function pipIndexes(read: Read, home: string, root = '/'): Promise<{ value: string; file: string }[]> {
  const settings = new Map<string, { value: string; file: string }[]>();
  for (const file of files(home, root))
    for (const { section, key, words } of parseIni(await read(file)))
      if (INDEX.test(key))
        settings.set(
          `${section}.${key}`,
          words.map(value => ({ value, file })),
        );
  return [...settings.values()].flat();
}

interface Setting {
  section: string;
  key: string;
  words: string[];
}

/** As Python's configparser reads it: lines that are indented go on with the value before them. */
function parseIni(text: string): Setting[] {
  const settings: Setting[] = [];
  let section = '';
  for (const line of text.split('\n')) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const header = /^\[([^\]]+)\]/.exec(line)?.[1];
    const [, key, value] = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (header !== undefined) section = header;
    else if (/^\s/.test(line)) settings.at(-1)?.words.push(...words(line));
    else if (key !== undefined && value !== undefined)
      settings.push({ section, key: key.toLowerCase().replace(/^--/, '').replaceAll('_', '-'), words: words(value) });
  }
  return settings;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(word => word !== '');
}
