import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { hookFailure } from '../../server/workspace/protection/explain.ts';
import { planProtection } from '../../server/workspace/protection/plan.ts';
import type { ProtectionPlan } from '../../server/workspace/protection/types.ts';
import { verifyProtection } from '../../server/workspace/protection/verify.ts';
import { resolveWorkspace } from '../../server/workspace/resolve.ts';
import type { Workspace } from '../../server/workspace/types.ts';
import { rebootInside } from '../incus/reboot.ts';
import { connect, removeAfter, testImage, uniqueName } from '../incus/support.ts';
import { lateHooks } from './attack.ts';
import { HELPERS } from './protect/attacks.ts';
import {
  definitionOf,
  difference,
  fingerprint,
  flagsOf,
  hostMounts,
  inReverse,
  onHost,
  options,
  type Place,
  project,
  SECRET,
  slot,
} from './protect/place.ts';
import { Table } from './table.ts';

const skip = process.getuid?.() !== 0;
const OWNER = { uid: 1000, gid: 1000 };

const stateOf = async (place: Place) => (await verifyProtection(place.incus, place.container)).state;

/** Exchanges each path with a symlink, or a FIFO, as fast as it can, in a workspace that its own slot does not protect. */
const swapping = (canary: string) => `
mkdir -p .husky .coi .git/modules; touch .mcp.json .envrc .git/config.worktree
for p in .vscode .husky .coi .claude .git/info .git/hooks .git/modules; do ln -s '${canary}' $p.x; done
for p in .mcp.json .claude/settings.json .git/config .git/config.worktree; do ln -s '${canary}/file' $p.x; done
mkfifo .envrc.x
exec perl -e 'while (1) { syscall(316, -100, $_, -100, "$_.x", 2) for @ARGV }' .vscode .husky .coi .claude .git/info .git/hooks .git/modules .mcp.json .claude/settings.json .git/config .git/config.worktree .envrc`;

test('an agent in one slot cannot lead the hooks of another astray while it starts', { skip }, async t => {
  const table = new Table(t, 'Starts beside a hostile slot');
  const end = inReverse(t);
  const dir = await project(end, OWNER);
  const canary = `${dir}/../canary`;
  mkdirSync(canary);
  writeFileSync(`${canary}/file`, '{}\n');
  const look = () =>
    execFileSync('/bin/sh', ['-c', 'find . -printf "%P %y %m %U %i %s\\n" | sort; lsattr -Ra .'], {
      cwd: canary,
      encoding: 'utf8',
    });
  const before = look();
  const hostile = await slot(end, dir, { level: 'off' });
  // Planned while all is quiet, so that it is the hooks that have to notice.
  const ws = await resolveWorkspace(dir, { home: '/nonexistent', stateDirs: [], uid: 0 });
  const names = Array.from({ length: 10 }, () => uniqueName());
  const plans = await Promise.all(
    names.map(async name => ({ name, plan: await planProtection(ws, options(name, { secrets: [] })) })),
  );
  const fight = hostile.incus.exec(hostile.container, ['/bin/sh', '-c', swapping(canary)], {
    user: 0,
    cwd: hostile.path,
  });
  fight.catch(() => {}); // It ends with its container.
  const ends: string[] = [];
  for (const plan of plans) ends.push(await start(ws, plan.name, plan.plan));
  table.held('symlinks and FIFOs swapped in under the hooks', 'root', difference(before, look()));
  table.held(
    'a start that was led astray goes on',
    'root',
    ends.find(e => e.startsWith('BAD')),
  );
  const strayed = hostMounts()
    .split('\n')
    .find(line => line.includes('/canary '));
  table.held('a mount outside of the workspace', 'root', strayed);
  t.diagnostic(`how the starts ended: ${[...new Set(ends)].join(', ')}`);
});

/** Starts a protected slot once and says how that ended. */
async function start(ws: Workspace, name: string, plan: ProtectionPlan): Promise<string> {
  const { incus, close } = await connection();
  try {
    const definition = definitionOf(ws, plan, name);
    await incus.createInstance({ name, source: { alias: await testImage(incus) }, start: true, ...definition });
    // Whatever it got: what the hostile slot does afterwards to names on the host is seen, not believed.
    const { state } = await verifyProtection(incus, name);
    return state === 'locked' || state === 'lost' ? state : `BAD ${state}`;
  } catch {
    return (await hookFailure(name)) === undefined ? 'refused' : 'refused by the hook';
  } finally {
    await close(name);
  }
}

async function connection() {
  const steps: (() => void | Promise<void>)[] = [];
  const incus = await connect({ after: step => void steps.push(step) });
  const close = async (name: string) => {
    removeAfter({ after: step => void steps.push(step) }, name);
    for (const step of steps.reverse()) await step();
  };
  return { incus, close };
}

test('what happens on the host and around the slot does not open it', { skip }, async t => {
  const table = new Table(t, 'Protected paths, around the slot');
  const end = inReverse(t);
  const dir = await project(end, OWNER);
  const place = await slot(end, dir);
  const before = fingerprint(dir, false);
  const evil = async () => {
    await place.run(
      'echo evil >>.git/config; echo evil >.git/hooks/pre-commit; echo evil >.vscode/tasks.json; echo evil >.mcp.json',
      'root',
    );
    return (
      difference(before, fingerprint(dir, false)) ?? ((await stateOf(place)) === 'locked' ? undefined : 'not in force')
    );
  };
  const attempts: [string, () => unknown][] = [
    [
      'git config, push -u and branch --track on the host',
      () => onHost(OWNER, dir, 'git config a.b c; git branch --track x main'),
    ],
    [
      'a program of the host renames a new file over it',
      () => {
        writeFileSync(`${dir}/n`, readFileSync(`${dir}/.git/config`));
        renameSync(`${dir}/n`, `${dir}/.git/config`);
      },
    ],
    [
      'a program of the host removes a placeholder',
      () => onHost({ uid: 0, gid: 0 }, dir, 'rm -rf .mcp.json .husky .envrc'),
    ],
    ['a program of the host moves a directory away', () => renameSync(`${dir}/.vscode`, `${dir}/.v`)],
    ['git clean on the host', () => onHost(OWNER, dir, 'git clean -fdxq -e .env')],
  ];
  for (const [name, attempt] of attempts) {
    try {
      attempt();
    } catch {
      // It is meant to fail; whether it changed anything is what counts.
    }
    table.held(name, 'host', await evil());
  }
  // All the time, so that it would find a moment in which something is not held.
  const fight = place.run(
    `${HELPERS}\nend=$(($(date +%s) + 60)); while [ ! -e .over ] && [ $(date +%s) -lt $end ]; do hit "$W"; done`,
    'root',
  );
  const second = await slot(end, dir);
  await second.incus.setState(second.container, 'restart', { force: true });
  table.held('another slot of the workspace starts and starts again meanwhile', 'both', await evil());
  await second.incus.setState(second.container, 'stop', { force: true });
  table.held('another slot of the workspace goes meanwhile', 'both', await evil());
  await place.run('echo >.over', 'code');
  await fight;
  rmSync(`${dir}/.over`);
  // What is above a secret is moved away, and git's list of ignored paths made endless for who reads it.
  await place.run('mv deep d2; mv deep/er deep/e; umount -l deep/er/.env; truncate -s 100G .git/info/exclude', 'root');
  await rebootInside(place.incus, place.container);
  table.held('reboot inside', 'root', await evil());
  const found = await place.run('find . -name .env -exec cat {} +; truncate -s 0 .git/info/exclude', 'root');
  table.held('a secret moved before the reboot', 'root', found.includes(SECRET) ? 'it was read' : undefined);
  await place.incus.setState(place.container, 'restart', { force: true });
  table.held('restart by force', 'host', await evil());
  await lateHooks(place.incus, place.container);
  table.held('the end of an earlier start, come late', 'host', await evil());
  const left = hostMounts()
    .split('\n')
    .find(line => line.includes(dir.replaceAll(' ', '\\040')));
  table.held('a mount that stays on the host', 'host', left);
  await place.incus.setState(place.container, 'stop', { force: true });
  const flags = flagsOf(`${dir}/.git/config`) + flagsOf(`${dir}/.vscode`);
  table.held('a flag that stays after the stop', 'host', /[ia]/.test(flags) ? flags : undefined);
  table.held(
    'a file of root’s that stays',
    'host',
    lstatSync(`${dir}/.git/info/exclude`).uid === 0 ? 'exclude' : undefined,
  );
});
