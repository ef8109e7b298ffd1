import { readFile } from 'node:fs/promises';
import { Failure } from '../base/errors.ts';

/** The host's lists of ids that a user may map into containers. */
export interface IdFiles {
  subuid: string;
  subgid: string;
}

const SYSTEM_FILES: IdFiles = { subuid: '/etc/subuid', subgid: '/etc/subgid' };

/**
 * How an owner's ids get into a container. `raw`: Incus maps the one uid and gid to those of `code` (`raw.idmap`).
 * `idmapped`: for the ids of root, which no container can have as its own, the kernel translates them on each mount.
 */
export type Mapping = 'raw' | 'idmapped';

/** Which way an owner needs: raw.idmap cannot map id 0 (tried: the container does not start), nor may it. */
export function mappingFor(owner: { uid: number; gid: number }): Mapping {
  return isIdMapped(owner) ? 'idmapped' : 'raw';
}

/** Whether the kernel translates an owner's ids, so that no file has to name them. */
export function isIdMapped(owner: { uid: number; gid: number }): boolean {
  return owner.uid === 0 || owner.gid === 0;
}

/** An id that a file of the host does not let Incus map, and the command that adds its line. */
export interface MissingId {
  id: number;
  file: string;
  command: string;
}

/** What the host's files lack so that Incus, which runs as root, may map this uid and gid into a container. */
export async function missingIds(uid: number, gid: number, files: IdFiles = SYSTEM_FILES): Promise<MissingId[]> {
  const wanted = [
    { id: uid, file: files.subuid },
    { id: gid, file: files.subgid },
  ];
  const missing: MissingId[] = [];
  for (const { id, file } of wanted)
    if (!holds(await read(file), id)) missing.push({ id, file, command: `echo root:${id}:1 | sudo tee -a ${file}` });
  return missing;
}

/**
 * Checks that Incus, which runs as root, may map this uid and gid into a container. Fails with `isolation` and the
 * command that repairs it. Not needed for the `idmapped` way.
 */
export async function checkIdMap(uid: number, gid: number, files: IdFiles = SYSTEM_FILES): Promise<void> {
  const missing = await missingIds(uid, gid, files);
  if (missing.length === 0) return;
  throw new Failure(
    'isolation',
    `Incus may not map your user (uid ${uid}, gid ${gid}) into a container: ${files.subuid} or ${files.subgid} lacks a line for it.`,
    { hint: `Run: ${missing.map(({ command }) => command).join(' && ')}` },
  );
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}

/** Whether subuid(5) text gives `id` to root, by name or number, as a single id or within a range. */
function holds(text: string, id: number): boolean {
  return text.split('\n').some(line => {
    const [owner, start, count] = line.trim().split(':');
    if ((owner !== 'root' && owner !== '0') || !/^\d+$/.test(start ?? '') || !/^\d+$/.test(count ?? '')) return false;
    return id >= Number(start) && id < Number(start) + Number(count);
  });
}
