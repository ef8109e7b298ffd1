import { dirname, join } from 'node:path';
import { readIfThere } from './read.ts';

/** What of the user's npm configuration a build needs to reach the registry: lines of an npmrc, and the certificates to trust. */
export interface NpmSettings {
  lines: string[];
  /** PEM; undefined when npm's own are used. */
  certificates?: string;
}

/** Settings that are passed on. Tokens and passwords are none of them. */
const WANTED = /^(registry|@[\w.~-]+:registry|proxy|https-proxy|noproxy|no-proxy|strict-ssl)$/;

/** npm's configuration files from the weakest to the strongest; what is on the system belongs to whichever npm is there. */
function npmrcFiles(home: string, root: string): string[] {
  const besideNode = root === '/' ? [join(dirname(dirname(process.execPath)), 'etc/npmrc')] : [];
  const system = ['etc/npmrc', 'usr/etc/npmrc', 'usr/local/etc/npmrc'].map(file => join(root, file));
  return [...system, ...besideNode, join(home, '.npmrc')];
}

/** Reads the host's npm configuration without running npm. */
export async function hostNpmSettings(home: string, root = '/'): Promise<NpmSettings> {
  const settings = new Map<string, string>();
  for (const file of npmrcFiles(home, root)) {
    for (const [key, value] of parseNpmrc(await readIfThere(file))) settings.set(key, value);
  }
  const cafile = settings.get('cafile');
  const certificates = cafile === undefined ? '' : await readIfThere(cafile);
  const lines = [...settings].filter(([key, value]) => WANTED.test(key) && isPlain(value));
  return {
    lines: lines.map(([key, value]) => `${key}=${value}`),
    ...(certificates.includes('-----BEGIN CERTIFICATE-----') ? { certificates } : {}),
  };
}

/** "key=value" lines. Values that npm would take from its environment are left out: that is not the user's. */
function* parseNpmrc(text: string): Iterable<[string, string]> {
  for (const line of text.split('\n')) {
    const [, key, value] = /^\s*([^;#\s=][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) yield [key, value.replace(/^"(.*)"$/, '$1')];
  }
}

/** Neither a variable nor an address with a password in it. */
function isPlain(value: string): boolean {
  return value !== '' && !value.includes('${') && !/\/\/[^/]*@/.test(value);
}
