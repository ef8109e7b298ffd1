import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hostReader, type Read } from './read.ts';

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
  return /^ID=["']?([a-z0-9._-]+)["']?$/m.exec(await hostReader()(join(root, 'etc/os-release')))?.[1];
}

/** The host's own package mirror, if it has one over HTTP that others can use. */
export async function hostMirror(root = '/'): Promise<Mirror | undefined> {
  const distribution = await hostDistribution(root);
  if (distribution !== 'debian' && distribution !== 'ubuntu') return undefined;
  const directory = join(root, 'etc/apt');
  const read = hostReader();
  const list = parseList(await read(join(directory, 'sources.list')));
  const stanzas = parseStanzas(await read(join(directory, 'sources.list.d', `${distribution}.sources`)));
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
  return [...text.matchAll(/^[ \t]*deb[ \t]+(?:\[[^\]]*\][ \t]+)?(\S+)[ \t]+(\S+)/gm)].map(
    ([, uri = '', suite = '']) => ({
      uri,
      suites: [suite],
    }),
  );
}

/** Stanzas of fields (deb822); a line that is indented goes on with the field before it. */
function parseStanzas(text: string): Source[] {
  return text
    .replace(/^#.*\n?/gm, '')
    .replace(/^[ \t]+$/gm, '')
    .replace(/\n[ \t]+/g, ' ')
    .split(/\n\s*\n/)
    .filter(stanza => field(stanza, 'Types').includes('deb') && !/^Enabled:\s*(no|false|0|off)\s*$/im.test(stanza))
    .flatMap(stanza => field(stanza, 'URIs').map(uri => ({ uri, suites: field(stanza, 'Suites') })));
}

function field(stanza: string, name: string): string[] {
  const value = new RegExp(`^${name}:(.*)$`, 'im').exec(stanza)?.[1] ?? '';
  return value.split(/\s+/).filter(word => word !== '');
}

/** The archives that apt is configured with, but for those on the machine itself; addresses as they are written. */
export async function aptSources(read: Read, _home: string, root = '/'): Promise<{ value: string; file: string }[]> {
  const directory = join(root, 'etc/apt');
  const parts = await names(join(directory, 'sources.list.d'), /^[\w.-]+\.(list|sources)$/);
  const files = [join(directory, 'sources.list'), ...parts.map(name => join(directory, 'sources.list.d', name))];
  const found = await Promise.all(
    files.map(async file => {
      const text = await read(file);
      const sources = file.endsWith('.sources') ? parseStanzas(text) : parseList(text);
      const addresses = await Promise.all(sources.map(({ uri }) => addressesOf(read, uri, root)));
      return addresses.flat().map(value => ({ value, file }));
    }),
  );
  return found.flat();
}

/** A list of mirrors stands for the mirrors in it where it is a file, and else for where it is fetched from. */
async function addressesOf(read: Read, uri: string, root: string): Promise<string[]> {
  const list = /^mirror\+file:\/*(\/.+)$/.exec(uri)?.[1];
  if (list !== undefined)
    return [...(await read(join(root, list))).matchAll(/^\s*(https?:\/\/\S+)/gm)].map(([, mirror = '']) => mirror);
  const address = uri.replace(/^mirror\+/, '').replace(/^mirror:/, 'http:');
  return /^(file|cdrom|copy):/.test(address) ? [] : [address];
}

/**
 * What of the host's apt configuration a build needs to reach the archive: proxies without passwords, and how far dates are believed
 * (a mirror that stands still has old ones). As lines of an apt.conf.
 */
export async function hostAptOptions(root = '/'): Promise<string[]> {
  const directory = join(root, 'etc/apt');
  const parts = await names(join(directory, 'apt.conf.d'), /^[\w-]+(\.conf)?$/);
  const files = [...parts.map(name => join(directory, 'apt.conf.d', name)), join(directory, 'apt.conf')];
  const text = (await Promise.all(files.map(hostReader()))).join('\n');
  const wanted = /^\s*(Acquire::(?:https?::Proxy|Check-Valid-Until|Check-Date)\s+"([^"\n]*)"\s*;)/gim;
  return [...text.matchAll(wanted)]
    .filter(([, , value = '']) => /^(true|false|DIRECT|yes|no|0|1)$/i.test(value) || ADDRESS.test(value))
    .map(([, line = '']) => line);
}

async function names(directory: string, wanted: RegExp): Promise<string[]> {
  try {
    return (await readdir(directory)).filter(name => wanted.test(name)).toSorted();
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'EACCES')) return [];
    throw error;
  }
}
