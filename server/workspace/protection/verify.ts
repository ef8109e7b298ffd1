import { access, constants, readFile } from 'node:fs/promises';
import type { Incus } from '../../incus/client.ts';
import { hostName } from './hooks.ts';
import { STATE_DIRECTORY } from './places.ts';
import { PROTECTED_KEY, PROTECTION_KEY, type RecordedPath, recorded } from './record.ts';
import { decodeMountTable } from './text.ts';

/** How one path is held in a running container, as the host's kernel says. */
export interface PathState {
  /** Relative to `mount`. */
  path: string;
  /** Place inside of the directory that it lies in. */
  mount: string;
  action: RecordedPath['action'];
  state: 'locked' | 'weak' | 'lost';
}

/** What holds in a running container now. */
export interface ProtectionState {
  /** The weakest of `paths`; `off` where nothing was to be held. */
  state: 'locked' | 'weak' | 'lost' | 'off' | 'unknown';
  paths: PathState[];
}

interface Mount {
  /** Where in its file system. */
  root: string;
  point: string;
  readonly: boolean;
}

/**
 * Looks at the mounts of a running container from the host, where nobody inside can lie about them, and at the flags. `unknown`
 * where it does not run or is none of ours. `known` spares reading the instance's configuration.
 */
export async function verifyProtection(
  incus: Incus,
  container: string,
  signal?: AbortSignal,
  known?: Readonly<Record<string, string>>,
): Promise<ProtectionState> {
  const config = known ?? (await incus.instance(container, signal))?.instance.config ?? {};
  const level = config[PROTECTION_KEY];
  if (level === undefined) return UNKNOWN;
  if (level === 'off') return { state: 'off', paths: [] };
  const text = await mountsOf(incus, container, signal);
  if (text === undefined) return UNKNOWN;
  const wanted = recorded(config[PROTECTED_KEY] ?? '');
  const mounts = parseMounts(text);
  const flagged = level === 'locked' ? await immutable(wanted) : new Set<string>();
  const paths = wanted.map(item => ({
    path: item.path,
    mount: item.mount,
    action: item.action,
    state: stateOf(item, mounts, level === 'locked', flagged),
  }));
  return { state: weakest(paths), paths };
}

const UNKNOWN: ProtectionState = { state: 'unknown', paths: [] };

/** The mount table of the container's first process. */
async function mountsOf(incus: Incus, container: string, signal?: AbortSignal): Promise<string | undefined> {
  const pid = (await childOfKeeper(incus, container)) ?? (await incus.instanceState(container, signal)).pid;
  return pid > 0 ? readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => undefined) : undefined;
}

/** The first process, as a child of the one that the hooks noted: asking Incus for it costs ten times as much. */
async function childOfKeeper(incus: Incus, container: string): Promise<number | undefined> {
  const entry = `${STATE_DIRECTORY}/live/${hostName(container, incus.target.project)}`;
  const keeper = /^\S+ (\d+) /.exec(await readFile(entry, 'utf8').catch(() => ''))?.[1];
  if (keeper === undefined) return undefined;
  const children = await readFile(`/proc/${keeper}/task/${keeper}/children`, 'utf8').catch(() => '');
  const [first, ...others] = children.trim().split(' ').map(Number);
  return others.length === 0 && first !== undefined && first > 0 ? first : undefined;
}

function weakest(paths: readonly PathState[]): ProtectionState['state'] {
  if (paths.length === 0) return 'off';
  return (['lost', 'weak'] as const).find(state => paths.some(path => path.state === state)) ?? 'locked';
}

/** The lines of /proc/<pid>/mountinfo. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').flatMap(line => {
    const [, , , root, point, options] = line.split(' ');
    if (root === undefined || point === undefined || options === undefined) return [];
    return [
      { root: decodeMountTable(root), point: decodeMountTable(point), readonly: options.split(',').includes('ro') },
    ];
  });
}

function stateOf(item: RecordedPath, mounts: readonly Mount[], locked: boolean, flagged: ReadonlySet<string>) {
  const base = mounts.find(mount => mount.point === item.mount)?.root;
  if (base === undefined) return 'lost' as const;
  const point = `${item.mount}/${item.path}`;
  const there = mounts.some(
    mount =>
      mount.point === point &&
      (item.action === 'hide' || mount.root === `${base === '/' ? '' : base}/${item.path}`) &&
      (item.action === 'pin' || mount.readonly),
  );
  if (!there) return 'lost' as const;
  if (!locked) return 'weak' as const;
  return item.flagged && !flagged.has(`${item.source}/${item.path}`) ? ('weak' as const) : ('locked' as const);
}

/**
 * Which of the files that are to have the flag have it. The kernel says EPERM of a file that nobody may write, before it looks at
 * permissions (inode_permission in fs/namei.c), so no program has to be started to read flags.
 */
async function immutable(wanted: readonly RecordedPath[]): Promise<Set<string>> {
  const files = wanted.filter(item => item.flagged).map(item => `${item.source}/${item.path}`);
  const held = await Promise.all(files.map(isImmutable));
  return new Set(files.filter((_, i) => held[i]));
}

async function isImmutable(path: string): Promise<boolean> {
  const refused = await access(path, constants.W_OK).catch((error: NodeJS.ErrnoException) => error.code);
  return refused === 'EPERM';
}
