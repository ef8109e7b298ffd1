import { statfs } from 'node:fs/promises';
import type { Incus } from '../../incus/client.ts';
import { object, stringMap } from '../../incus/parse.ts';

/** Magic numbers of statfs(2) of file systems whose files can be made immutable. */
const FLAGGING: ReadonlySet<number> = new Set([
  0xef53, // ext2 to ext4
  0x58465342, // XFS
  0x9123683e, // btrfs
  0xf2f52010, // F2FS
  0x01021994, // tmpfs, from Linux 6.6 on
  0x2fc12fc1, // ZFS
  0x794c7630, // overlay: what lies above decides
  0xca451a4e, // bcachefs
]);

/** Whether files at `path` can be made immutable, as far as the kind of the file system tells. */
export async function canFlag(path: string): Promise<boolean> {
  return FLAGGING.has((await statfs(path)).type);
}

/**
 * Whether an instance of the project may have `raw.lxc`, which a restricted project forbids unless it allows low-level
 * options. Fails as the request does.
 */
export async function allowsHooks(incus: Incus, signal?: AbortSignal): Promise<boolean> {
  const { project } = incus.target;
  const options = {
    project: null,
    what: `Reading the project ${project}`,
    ...(signal === undefined ? {} : { signal }),
  };
  const { metadata } = await incus.request('GET', `/1.0/projects/${encodeURIComponent(project)}`, undefined, options);
  const config = stringMap(object(metadata).config);
  return config.restricted !== 'true' || config['restricted.containers.lowlevel'] === 'allow';
}
