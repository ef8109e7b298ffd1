import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere } from './read.ts';

/** Where a host's distribution takes its packages from. */
export interface Mirror {
  /** ID of /etc/os-release: a base image of another distribution has no use for this. */
  distribution: string;
  main: string;
  security?: string;
}

interface Source {
  uri: string;
  suites: string[];
}

/** An address that a container can reach and that is safe in a shell assignment and in a sources file. */
const ADDRESS = /^https?:\/\/(?!localhost\b|127\.|\[::1\])[\w.~:/[\]%+-]+$/;

/** The ID of a host's /etc/os-release, such as "debian"; undefined where there is none. */
export async function hostDistribution(root = '/'): Promise<string | undefined> {
  return /^ID=["']?([a-z0-9._-]+)["']?$/m.exec(await readIfThere(join(root, 'etc/os-release')))?.[1];
}

/** The host's own package mirror, if it has one over HTTP that others can use. */
export async function hostMirror(root = '/'): Promise<Mirror | undefined> {
  const distribution = await hostDistribution(root);
  if (distribution !== 'debian' && distribution !== 'ubuntu') return undefined;
  const directory = join(root, 'etc/apt');
  const list = parseList(await readIfThere(join(directory, 'sources.list')));
  const stanzas = parseStanzas(await readIfThere(join(directory, 'sources.list.d', `${distribution}.sources`)));
  const usable = [...stanzas, ...list].filter(source => ADDRESS.test(source.uri));
  const security = usable.find(isSecurity)?.uri;
  const main = usable.find(
    source => !isSecurity(source) && source.suites.some(suite => /^[a-z]+\/?$/.test(suite)),
  )?.uri;
  if (main === undefined) return undefined;
  return { distribution, main, ...(security === undefined ? {} : { security }) };
}

function isSecurity(source: Source): boolean {
  return source.suites.every(suite => suite.endsWith('-security'));
}

/** One-line entries: "deb [options] URI suite component…". */
function parseList(text: string): Source[] {
  return [...text.matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)/gm)].map(([, uri = '', suite = '']) => ({
    uri,
    suites: [suite],
  }));
}

/** Stanzas of fields (deb822). */
function parseStanzas(text: string): Source[] {
  return text
    .replace(/^#.*\n?/gm, '')
    .split(/\n\s*\n/)
    .filter(stanza => /^Types:.*\bdeb\b/m.test(stanza) && !/^Enabled:\s*no/im.test(stanza))
    .map(stanza => ({
      uri: field(stanza, 'URIs')[0] ?? '',
      suites: field(stanza, 'Suites'),
    }));
}

function field(stanza: string, name: string): string[] {
  const value = new RegExp(`^${name}:(.*)$`, 'm').exec(stanza)?.[1] ?? '';
  return value.split(/\s+/).filter(word => word !== '');
}

/**
 * What of the host's apt configuration a build needs to reach the archive: proxies without passwords, and how far dates are believed
 * (a mirror that stands still has old ones). As lines of an apt.conf.
 */
export async function hostAptOptions(root = '/'): Promise<string[]> {
  const directory = join(root, 'etc/apt');
  const parts = await names(join(directory, 'apt.conf.d'));
  const files = [...parts.map(name => join(directory, 'apt.conf.d', name)), join(directory, 'apt.conf')];
  const text = (await Promise.all(files.map(readIfThere))).join('\n');
  const wanted = /^\s*(Acquire::(?:https?::Proxy|Check-Valid-Until|Check-Date)\s+"([^"\n]*)"\s*;)/gim;
  return [...text.matchAll(wanted)]
    .filter(([, , value = '']) => /^(true|false|DIRECT|yes|no|0|1)$/i.test(value) || ADDRESS.test(value))
    .map(([, line = '']) => line);
}

async function names(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter(name => /^[\w.-]+$/.test(name) && !/~$|\.(?!conf$)/.test(name)).toSorted();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
