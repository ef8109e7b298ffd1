import { constants } from 'node:fs';
import { access, realpath } from 'node:fs/promises';
import { Failure } from '../base/errors.ts';
import { identityOf, type TrustedTarget, withTrustedPath } from '../base/trusted-path.ts';
import type { InstanceFragment } from '../incus/types/config.ts';
import { type GuardedMount, guardLine } from './mount-guard.ts';
import { isMountPoint, type OwnedMount, workspaceMounts } from './mounts.ts';
import { toHostPath } from './paths.ts';
import { hostName } from './protection/hooks.ts';
import type { ProtectionPlan } from './protection/types.ts';
import { isWithin, shareRefusal } from './refuse.ts';
import type { Workspace } from './types.ts';

/** A folder or file of the host that configuration shares with a slot. */
export interface MountWish {
  host: string;
  container: string;
  readonly: boolean;
}

export interface SharedMountOptions {
  container: string;
  project: string;
  home: string;
  /** Own directories of the backend and of Incus. */
  stateDirs: readonly string[];
  /** Where agents can write: links there are not followed. Absolute and real. */
  hostile: readonly string[];
  /** What is mounted besides, such as the session's directories. */
  taken: readonly { path: string }[];
  /** Places inside over which nothing may be mounted: the home of the user inside, and what we keep in it. */
  homeInside: string;
  ownInside: string;
  /** The workspace keeps its own path inside. */
  preserve: boolean;
  protection: Pick<ProtectionPlan, 'protectedPaths' | 'secretPaths'>;
  /** Whether the project lets an instance have `raw.lxc`. */
  hooks: boolean;
  /** A command that undoes what other hooks did, also for a start before, when the guard refuses one. */
  refused?: string;
  /** Where Incus keeps its data, /var/lib/incus unless said. */
  incusDir?: string;
}

/** The mounts that configuration asks for, allowed. */
export interface SharedMounts {
  mounts: OwnedMount[];
  /** What holds them to what was allowed. */
  fragment: InstanceFragment;
  /** What the user should know, as sentences. */
  notes: string[];
}

interface Found extends OwnedMount {
  identity: string;
}

/** Looks at every mount that configuration asks for; changes nothing. Fails with `config`, `isolation`, `not-found` or `permission`. */
export async function planSharedMounts(
  ws: Workspace,
  wishes: readonly MountWish[],
  o: SharedMountOptions,
): Promise<SharedMounts> {
  if (wishes.length === 0) return { mounts: [], fragment: {}, notes: [] };
  for (const [i, wish] of wishes.entries()) checkPlace(wish, wishes.slice(0, i), ws, o);
  const writable = await Promise.all(wishes.filter(wish => !wish.readonly).map(wish => real(wish.host)));
  const hostile = [...o.hostile, ws.real, ...writable.filter(path => path !== undefined)];
  const home = (await real(o.home)) ?? o.home;
  const found = await Promise.all(wishes.map((wish, i) => lookAt(ws, wish, i, { ...o, hostile, home })));
  const notes = found.filter(mount => mount.foreign === true).map(foreignNote);
  return { mounts: found.map(({ identity: _, ...mount }) => mount), fragment: guardOf(found, o), notes };
}

async function lookAt(ws: Workspace, wish: MountWish, i: number, o: SharedMountOptions): Promise<Found> {
  const what = `The mount ${wish.host}`;
  return withTrustedPath(wish.host, o.hostile, what, async target => {
    checkSource(ws, wish, target, o);
    const { stats, real: source, handle } = target;
    await access(handle, constants.R_OK).catch(() => {
      throw new Failure('permission', `${what} cannot be read by you.`, { hint: REMOVE });
    });
    const foreign = Number(stats.uid) !== ws.uid;
    return {
      device: `mount-${i}`,
      source,
      path: wish.container,
      identity: identityOf(target),
      ...(wish.readonly ? { readonly: true } : {}),
      ...(stats.isFile() ? { file: true } : {}),
      ...(foreign ? { foreign: true } : {}),
    };
  });
}

/** Whether it may be shared at all, by where it is and what it is. */
function checkSource(
  ws: Workspace,
  wish: MountWish,
  { real: source, stats }: TrustedTarget,
  o: SharedMountOptions,
): void {
  for (const path of new Set([wish.host, source])) {
    const reason = shareRefusal(path, o);
    if (reason !== undefined) throw refused(wish, `${reason}`, 'Name a folder of a project or of data.');
  }
  if (stats.isSocket()) throw refused(wish, 'it is a socket', 'Name it in `[[sockets]]`.');
  if (!stats.isDirectory() && !stats.isFile()) throw refused(wish, 'it is neither a folder nor a file', REMOVE);
  const overlaps = (paths: readonly string[]) =>
    paths.map(path => onHost(ws, path, o.preserve)).find(path => isWithin(path, source) || isWithin(source, path));
  const secret = overlaps(o.protection.secretPaths);
  if (secret !== undefined) throw refused(wish, `the secret path ${secret} would be seen through it`, REMOVE);
  const locked = wish.readonly ? undefined : overlaps(o.protection.protectedPaths);
  if (locked !== undefined)
    throw refused(wish, `the protected path ${locked} could be written through it`, 'Set `readonly = true`.');
  const untrusted = o.hooks ? undefined : o.hostile.find(directory => isWithin(source, directory));
  if (untrusted !== undefined)
    throw refused(wish, `agents can write in ${untrusted}, and this Incus project cannot hold it there`, REMOVE);
}

/** Whether something may be there inside. */
function checkPlace(wish: MountWish, before: readonly MountWish[], ws: Workspace, o: SharedMountOptions): void {
  const { container: path } = wish;
  const clash = (why: string) => refused(wish, `${path} inside ${why}`, 'Choose another place inside.');
  if (!path.startsWith('/')) throw clash('is not absolute');
  if (!isMountPoint(path) || path === o.homeInside) throw clash('belongs to the system');
  const meets = (other: string) => isWithin(path, other) || isWithin(other, path);
  if (meets(o.ownInside)) throw clash('belongs to Incus Agents');
  const workspace = workspaceMounts(ws, o.preserve).find(mount => meets(mount.path));
  if (workspace !== undefined) throw clash('is a part of the workspace, or has it in it');
  if (o.taken.some(mount => meets(mount.path))) throw clash('is where the session or a login is');
  for (const other of before) {
    if (path === other.container) throw clash(`is also where ${other.host} is to be`);
    if (!meets(other.container)) continue;
    const inner = isWithin(path, other.container) ? wish : other;
    if (!inner.readonly) throw clash(`and ${other.container} are one in the other, and the inner one can be written`);
  }
}

/** A path of the protection on the host: it is relative to the workspace, or absolute inside. */
function onHost(ws: Workspace, path: string, preserve: boolean): string {
  if (!path.startsWith('/')) return `${ws.real}/${path}`;
  return toHostPath(path, workspaceMounts(ws, preserve)) ?? path;
}

function guardOf(found: readonly Found[], o: SharedMountOptions): InstanceFragment {
  if (!o.hooks) return {};
  const guarded: GuardedMount[] = found.map(({ device, source, path, identity }) => ({
    device,
    source,
    path,
    identity,
  }));
  const instance = hostName(o.container, o.project);
  const refused = o.refused === undefined ? {} : { refused: o.refused };
  const line = guardLine(guarded, { instance, incusDir: o.incusDir ?? '/var/lib/incus', ...refused });
  return { config: { 'raw.lxc': line } };
}

function foreignNote({ source, readonly }: Found): string {
  const write = readonly === true ? '' : ', and can be written only where everybody may write';
  return `${source} belongs to another user than the workspace: in the slot its files belong to nobody${write}.`;
}

function refused({ host }: MountWish, why: string, hint: string): Failure {
  return new Failure('config', `${host} cannot be mounted: ${why}.`, { hint });
}

async function real(path: string): Promise<string | undefined> {
  return realpath(path).catch(() => undefined);
}

const REMOVE = 'Take the entry out of `[[mounts]]`.';
