import { execFileSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { verifyProtection } from '../../server/workspace/protection/verify.ts';
import { attackAll, type Battlefield, controlAll } from './attack.ts';
import { ATTACKS } from './protect/attacks.ts';
import {
  difference,
  fingerprint,
  inReverse,
  type Owner,
  type Place,
  pristine,
  project,
  ranByGit,
  SECRET,
  slot,
} from './protect/place.ts';
import { Table } from './table.ts';

const skip = process.getuid?.() !== 0;

/** Sees from the host what an attack did in a workspace. */
function field(place: Place, dir: string): Battlefield {
  const before = fingerprint(dir);
  return {
    run: place.run,
    broken: async output => {
      if (output.includes(SECRET)) return 'the secret was read';
      const reached = /^REACHED: (.*)$/m.exec(output)?.[1];
      if (reached !== undefined) return `reached ${reached}`;
      return ranByGit(place.owner, dir) ?? difference(before, fingerprint(dir)) ?? rootsFile(dir, place.owner);
    },
  };
}

/** A file of the host's root in the workspace of somebody else. */
function rootsFile(dir: string, owner: Owner): string | undefined {
  if (owner.uid === 0) return undefined;
  // find follows no symlink; the attacks leave many.
  const found = execFileSync('find', ['.', '-xdev', '-uid', '0', '-print', '-quit'], { cwd: dir, encoding: 'utf8' });
  return found === '' ? undefined : `${found.trim()} belongs to root outside`;
}

async function battle(t: TestContext, owner: Owner): Promise<void> {
  const table = new Table(t, `Protected paths, folder of uid ${owner.uid}`);
  const end = inReverse(t);
  const dir = await project(end, owner);
  const place = await slot(end, dir);
  await attackAll(t, table, field(place, dir), ATTACKS);
  await t.test('all is still in force', async () => {
    const { state } = await verifyProtection(place.incus, place.container);
    table.held('everything together', 'both', state === 'locked' ? undefined : state);
  });
}

for (const owner of [
  { uid: 1000, gid: 1000 },
  { uid: 0, gid: 0 },
])
  test(`nothing inside changes what is protected in a folder of uid ${owner.uid}`, { skip }, t => battle(t, owner));

test('the same attacks work where nothing is protected', { skip }, async t => {
  const table = new Table(t, '');
  const end = inReverse(t);
  const dir = await project(end, { uid: 1000, gid: 1000 });
  const restore = pristine(end, dir);
  const place = await slot(end, dir, { level: 'off' });
  // What is put back has other inodes, so the comparison begins anew each time.
  let now = field(place, dir);
  const renewed: Battlefield = {
    run: place.run,
    broken: output => now.broken(output),
    restore: async () => {
      await restore();
      now = field(place, dir);
    },
  };
  await controlAll(t, table, renewed, ATTACKS);
});
