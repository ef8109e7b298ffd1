import { statfs } from 'node:fs/promises';
import { Failure } from '../base/errors.ts';
import { mappingFor } from './idmap.ts';
import type { Workspace } from './types.ts';

/** Magic numbers of statfs(2) for file systems that cannot translate owners on a mount, or do it only on new kernels. */
const WITHOUT_IDMAP: Readonly<Record<number, string>> = {
  16914839: '9p (as in WSL and some virtual machines)',
  1702057286: 'FUSE',
  26985: 'NFS',
  4266872130: 'SMB',
  4283649346: 'CIFS',
  20859: 'SMB',
  2020557398: 'a VirtualBox shared folder',
};

/**
 * Checks that the workspace's file system can be shown with the right owner inside. Fails with `isolation` for a folder of root's on
 * a file system that cannot translate owners. Other folders need no translation and pass everywhere.
 */
export async function checkFileSystem(ws: Workspace): Promise<void> {
  if (mappingFor(ws) === 'raw') return;
  const { type } = await statfs(ws.real);
  const name = WITHOUT_IDMAP[type];
  if (name === undefined) return;
  throw new Failure('isolation', `${ws.path} belongs to root and lies on ${name}, which cannot translate owners.`, {
    hint: 'Give the folder to an ordinary user (chown -R), or move it to a local disk.',
  });
}
