import { dirname, join } from 'node:path';
import { hostReader, type Read } from './read.ts';

/** What of the user's npm configuration a build needs to reach the registry: lines of an npmrc, and the certificates to trust. */
export interface NpmSettings {
  lines: string[];
  /** PEM; undefined when npm's own are used. */
  certificates?: string;
}

/** Settings that are passed on. Tokens and passwords are none of them. */
const WANTED = /^(registry|@[\w.~-]+:registry|proxy|https-proxy|noproxy|no-proxy|strict-ssl)$/;
const REGISTRY = /^(@[\w.~-]+:)?registry$/;

/** A setting, with the file that it is from. */
interface Setting {
  value: string;
  file: string;
}

/** Reads the host's npm configuration without running npm. */
export async function hostNpmSettings(home: string, root = '/'): Promise<NpmSettings> {
  const read = hostReader();
  const settings = await npmSettings(read, home, root);
  const cafile = settings.get('cafile');
  const certificates = cafile === undefined ? '' : await read(cafile.value);
  const lines = [...settings].filter(([key, { value }]) => WANTED.test(key) && isPlain(value));
  return {
    lines: lines.map(([key, { value }]) => `${key}=${value}`),
    ...(certificates.includes('-----BEGIN CERTIFICATE-----') ? { certificates } : {}),
  };
}

/** The registries that npm is configured with, those of scopes too; addresses as they are written. */
export async function npmRegistries(read: Read, home: string, root = '/'): Promise<Setting[]> {
  return [...(await npmSettings(read, home, root))].filter(([key]) => REGISTRY.test(key)).map(([, setting]) => setting);
}

/** All settings; where several files have one, the strongest file's counts. */
async function npmSettings(read: Read, home: string, root: string): Promise<Map<string, Setting>> {
  const own = join(home, '.npmrc');
  const user = new Map(parseNpmrc(await read(own)));
  const settings = new Map<string, Setting>();
  for (const file of globalFiles(user, home, root))
    for (const [key, value] of parseNpmrc(await read(file))) settings.set(key, { value, file });
  for (const [key, value] of user) settings.set(key, { value, file: own });
  return settings;
}

/** From the weakest to the strongest; what is on the system belongs to whichever npm is there. */
function globalFiles(user: ReadonlyMap<string, string>, home: string, root: string): string[] {
  const besideNode = root === '/' ? [join(dirname(dirname(process.execPath)), 'etc/npmrc')] : [];
  const system = ['etc/npmrc', 'usr/etc/npmrc', 'usr/local/etc/npmrc'].map(file => join(root, file));
  const prefix = user.get('prefix');
  const named = user.get('globalconfig') ?? (prefix === undefined ? undefined : `${prefix}/etc/npmrc`);
  const expanded = named?.replace(/^(~|\$\{HOME\})(?=\/)/, home);
  return [...system, ...besideNode, ...(expanded?.startsWith('/') ? [expanded] : [])];
}

/** "key=value" lines. */
function* parseNpmrc(text: string): Iterable<[string, string]> {
  for (const line of text.split('\n')) {
    const [, key, value] = /^\s*([^;#\s=][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) yield [key, value.replace(/^(["'])(.*)\1$/, '$2')];
  }
}

/** Neither a variable, which npm would take from its environment, nor an address with a password in it. */
function isPlain(value: string): boolean {
  return value !== '' && !value.includes('${') && !/\/\/[^/]*@/.test(value);
}
