import { realpath } from 'node:fs/promises';
import { aptSources } from './apt.ts';
import { npmRegistries } from './npm.ts';
import { pipIndexes } from './pip.ts';
import { hostReader } from './read.ts';

/** A client of package registries whose hosts an allow-list can have by its name. */
export type Preset = 'npm' | 'pip' | 'apt';

/** What a preset stands for on this machine. */
export interface PresetHosts {
  /** As `host:port`, without anything else of the addresses. */
  hosts: string[];
  /** What of the configuration does not count, and why; without a word of its values, which may be secret. */
  refused: string[];
}

/** Where configuration is looked for; nothing that lies in the workspace counts, whatever leads there. */
export interface Places {
  home: string;
  workspace: string;
  /** The root of the host's files; another one for tests. */
  root?: string;
}

const READERS = { npm: npmRegistries, pip: pipIndexes, apt: aptSources } as const;

/** Reads the hosts of a preset from the user's own client configuration, afresh, without running any program. */
export async function presetHosts(preset: Preset, { home, workspace, root = '/' }: Places): Promise<PresetHosts> {
  const refused = new Set<string>();
  const real = await realpath(workspace).catch(() => workspace);
  const read = hostReader(real, path => refused.add(`${path} lies in the workspace`));
  const hosts = new Set<string>();
  for (const { value, file } of await READERS[preset](read, home, root)) {
    const host = hostOf(value);
    if (host === undefined) refused.add(`an address in ${file} has no host that a slot can reach`);
    else hosts.add(host);
  }
  return { hosts: [...hosts], refused: [...refused] };
}

const NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;
const ITSELF = /^(localhost|.*\.localhost|(127|0)(\.\d+){3})$/;

/** Host and port of an address of the web; undefined for everything else, and for what would be the slot itself inside. */
export function hostOf(address: string): string | undefined {
  if (!URL.canParse(address)) return undefined;
  const { protocol, hostname, port } = new URL(address);
  if ((protocol !== 'http:' && protocol !== 'https:') || !NAME.test(hostname) || ITSELF.test(hostname))
    return undefined;
  return `${hostname}:${port === '' ? (protocol === 'http:' ? '80' : '443') : port}`;
}
