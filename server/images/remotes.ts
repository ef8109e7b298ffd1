import { join } from 'node:path';
import { readIfThere } from './read.ts';

/** A server that images come from, as the Incus client's configuration names it. */
export interface Remote {
  addr: string;
  protocol: string;
}

/** Names that work without any configuration of the user's. */
const WELL_KNOWN: Readonly<Record<string, Remote>> = {
  images: { addr: 'https://images.linuxcontainers.org', protocol: 'simplestreams' },
  ubuntu: { addr: 'https://cloud-images.ubuntu.com/releases', protocol: 'simplestreams' },
};

/** The remotes of the user's Incus client, over those of the system, over the well-known ones. */
export async function readRemotes(home: string, system = '/etc/incus'): Promise<ReadonlyMap<string, Remote>> {
  const files = [join(system, 'config.yml'), join(home, '.config', 'incus', 'config.yml')];
  const texts = await Promise.all(files.map(readIfThere));
  return new Map([...Object.entries(WELL_KNOWN), ...texts.flatMap(text => [...parseRemotes(text)])]);
}

/**
 * The `remotes:` of an Incus client's config.yml. The client writes that file itself, always in one way (block style, two levels
 * of indentation), so a reader of lines is enough and a YAML parser is spared.
 */
export function parseRemotes(text: string): Map<string, Remote> {
  const remotes = new Map<string, Remote>();
  let inside = false;
  let current: Remote | undefined;
  for (const line of text.split('\n')) {
    const [, indent = '', key = '', value = ''] = /^( *)([^\s#:][^:]*):(?: +(.*?))?\s*$/.exec(line) ?? [];
    if (key === '') continue;
    if (indent === '') inside = key === 'remotes';
    else if (inside && value === '') {
      current = { addr: '', protocol: 'incus' };
      remotes.set(plain(key), current);
    } else if (inside && current !== undefined && key === 'addr') current.addr = plain(value);
    else if (inside && current !== undefined && key === 'protocol') current.protocol = plain(value);
  }
  return remotes;
}

function plain(value: string): string {
  return value.replace(/^(["'])(.*)\1$/, '$2');
}
