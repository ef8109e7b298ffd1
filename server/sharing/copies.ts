import { readFile } from 'node:fs/promises';
import { join } from 'node:path/posix';
import { Failure, messageOf } from '../base/errors.ts';
import { withTrustedPath } from '../base/trusted-path.ts';

/** A file that is copied into a slot: a bundle of the catalogue, or one file and its place inside. `mode` is octal or ''. */
export interface CopyWish {
  bundle: string;
  host: string;
  container: string;
  mode: string;
}

/** A copy, ready to be written inside. */
export interface Copy {
  host: string;
  path: string;
  content: Uint8Array;
  mode: number;
}

export interface CopyOptions {
  home: string;
  homeInside: string;
  /** Where agents can write. Absolute and real. */
  hostile: readonly string[];
  /** Mounts and our own directory inside: what is copied there would land on this computer again, or in a saved session. */
  taken: readonly string[];
}

/**
 * Files of the home by name. Logins whose tokens are renewed are not among them: of several copies all but one become
 * worthless, so agents share a login by `[agents.NAME.credentials]`.
 */
const BUNDLES: Readonly<Record<string, readonly string[]>> = {
  ollama: ['.ollama/id_ed25519'],
  gh: ['.config/gh/hosts.yml'],
};

/** Bytes of one file. */
const LIMIT = 1024 * 1024;
const PRIVATE = 0o600;

/** Reads the files that configuration has copied into a slot. Fails with `config`, `isolation`, `not-found` or `permission`. */
export async function readCopies(wishes: readonly CopyWish[], o: CopyOptions): Promise<Copy[]> {
  const files = wishes.flatMap(wish => filesOf(wish, o));
  const twice = files.find((file, i) => files.findIndex(other => other.path === file.path) !== i);
  if (twice !== undefined) throw refused(twice.host, `another file is copied to ${twice.path} too`);
  return Promise.all(files.map(file => read(file, o)));
}

function filesOf(wish: CopyWish, { home, homeInside }: CopyOptions): Omit<Copy, 'content'>[] {
  const mode = wish.mode === '' ? PRIVATE : Number.parseInt(wish.mode, 8);
  if (wish.bundle === '') return [{ host: wish.host, path: wish.container, mode }];
  const files = Object.hasOwn(BUNDLES, wish.bundle) ? BUNDLES[wish.bundle] : undefined;
  if (files !== undefined) return files.map(file => ({ host: join(home, file), path: join(homeInside, file), mode }));
  throw new Failure('config', `There is no bundle of credentials called ${JSON.stringify(wish.bundle)}.`, {
    hint: `There are ${Object.keys(BUNDLES).join(' and ')}. For an agent's login see [agents.NAME.credentials]; any other file can be named by host and container.`,
  });
}

async function read(file: Omit<Copy, 'content'>, o: CopyOptions): Promise<Copy> {
  const { host, path } = file;
  if (o.taken.some(other => path === other || path.startsWith(`${other}/`) || other.startsWith(`${path}/`)))
    throw refused(host, `${path} inside belongs to a mount or to us`);
  return withTrustedPath(host, o.hostile, `The file ${host}`, async ({ stats, handle }) => {
    if (!stats.isFile()) throw refused(host, 'it is no file');
    if (stats.size > LIMIT) throw refused(host, `it has more than ${LIMIT} bytes`);
    const content = await readFile(handle).catch((error: unknown) => {
      throw new Failure('permission', `The file ${host} cannot be read: ${messageOf(error)}.`, { hint: REMOVE });
    });
    return { ...file, content: content.subarray(0, LIMIT) };
  });
}

/** For the UI and the agent. */
export function copyWords({ host, path }: Copy): string {
  return `a copy of ${host} at ${path}`;
}

function refused(host: string, why: string): Failure {
  return new Failure('config', `${host} cannot be copied: ${why}.`, { hint: REMOVE });
}

const REMOVE = 'Correct the entry of `[[credentials]]`, or take it out.';
