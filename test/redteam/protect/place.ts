import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import type { TestContext } from 'node:test';
import { mergeFragments } from '../../../server/flows/merge-fragments.ts';
import { containerFragment } from '../../../server/flows/open/hardening.ts';
import type { Incus } from '../../../server/incus/client.ts';
import { workspaceFragment } from '../../../server/workspace/fragment.ts';
import { mountPath } from '../../../server/workspace/mounts.ts';
import { planProtection } from '../../../server/workspace/protection/plan.ts';
import type { ProtectionOptions, ProtectionPlan } from '../../../server/workspace/protection/types.ts';
import { resolveWorkspace } from '../../../server/workspace/resolve.ts';
import type { Workspace } from '../../../server/workspace/types.ts';
import { connect, removeSoon, tempDirectory, tempInstance, testImage, uniqueName } from '../../incus/support.ts';
import type { Attacker } from '../attack.ts';

/** What coi protects, and what is protected besides. */
export const PATHS = [
  ...['.git/hooks', '.git/config', '.git/config.worktree', '.git/info/attributes', '.git/modules', '.husky', '.vscode'],
  ...['.devcontainer', '.mcp.json', '.envrc', '.coi', '.claude/settings.json', '.claude/settings.local.json'],
  ...['.codex/config.toml', '.gemini/settings.json', '.cursor', 'opencode.json', 'opencode.jsonc'],
];

/** What no attack may show. */
export const SECRET = 'this-is-the-secret';

const GIT_ENV = { GIT_CONFIG_NOSYSTEM: '1', GIT_AUTHOR_DATE: '2001-01-01T00:00:00Z', PATH: process.env.PATH ?? '' };

/** Where endings are noted. */
export type Ending = Pick<TestContext, 'after'>;

/** Ends in the opposite order what a test began, so that a container goes before its folder. */
export function inReverse(t: Ending): Ending {
  const steps: (() => void | Promise<void>)[] = [];
  t.after(async () => {
    const failures: unknown[] = [];
    for (const step of steps.reverse())
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    if (failures.length > 0) throw new AggregateError(failures, 'Not everything was removed.');
  });
  return { after: step => void (step !== undefined && steps.push(step as () => void | Promise<void>)) };
}

export interface Owner {
  uid: number;
  gid: number;
}

/** Runs a shell script on the host as a workspace's owner. */
export function onHost(owner: Owner, cwd: string, script: string): string {
  return execFileSync('/bin/sh', ['-ec', script], {
    ...owner,
    cwd,
    encoding: 'utf8',
    env: { ...GIT_ENV, HOME: cwd },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** A repository as a user has it, with something to protect in it and something that is not there yet; gives its path. */
export async function project(t: Ending, owner: Owner): Promise<string> {
  const parent = await realpath(await tempDirectory(t));
  chmodSync(parent, 0o755);
  const dir = `${parent}/a project`;
  mkdirSync(dir);
  chownSync(dir, owner.uid, owner.gid);
  onHost(owner, dir, SETUP);
  return dir;
}

const SETUP = `
git init -q -b main .
git config user.name me; git config user.email me@example.org
mkdir -p .vscode src .claude deep/er
echo '{"version": "2.0.0"}' >.vscode/tasks.json
echo '#!/bin/sh' >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit
echo '{}' >.claude/settings.json
echo text >src/file
echo .env >.gitignore
git add . && git commit -qm first
echo 'TOKEN=${SECRET}' >.env
cp .env deep/er/.env
`;

export interface Place {
  incus: Incus;
  ws: Workspace;
  owner: Owner;
  container: string;
  plan: ProtectionPlan;
  /** The workspace inside. */
  path: string;
  /** Runs a script in the workspace and gives what it wrote on both streams. */
  run(script: string, as: Attacker): Promise<string>;
}

/** The options that a slot has unless its user says otherwise. */
export function options(container: string, more: Partial<ProtectionOptions> = {}): ProtectionOptions {
  return {
    ...{ container, preserve: false, level: 'locked', paths: PATHS, writable: [], immutable: true, hooks: true },
    secrets: ['.env'],
    ...more,
  };
}

/** A running slot of a workspace, made as a slot is made. Gone at the end of the test. */
export async function slot(t: Ending, dir: string, more: Partial<ProtectionOptions> = {}): Promise<Place> {
  const incus = await connect(t);
  const ws = await resolveWorkspace(dir, { home: '/nonexistent', stateDirs: ['/var/lib/incus'], uid: 0 });
  const container = uniqueName();
  const plan = await planProtection(ws, options(container, more));
  const definition = definitionOf(ws, plan, container);
  await tempInstance(t, incus, { name: container, source: { alias: await testImage(incus) }, ...definition });
  const path = mountPath(ws, false);
  const run = async (script: string, as: Attacker) => {
    const user = as === 'root' ? 0 : 1000;
    const env = { HOME: as === 'root' ? '/root' : '/home/code', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
    const result = await incus.exec(container, ['/bin/sh', '-c', script], { user, group: user, cwd: path, env });
    return `${result.stdout.toString()}${result.stderr.toString()}`;
  };
  return { incus, ws, owner: { uid: ws.uid, gid: ws.gid }, container, plan, path, run };
}

/** What the instance of a slot is made with. */
export function definitionOf(ws: Workspace, plan: ProtectionPlan, container: string) {
  return mergeFragments(
    containerFragment({ docker: true, deny: 'none', isolatedIds: true, lowLevel: true, tmuxDirectory: '/tmp' }),
    workspaceFragment(ws, { container, preserve: false, codeUid: 1000, codeGid: 1000, recursive: plan.recursive }),
    plan.fragment,
  );
}

/** Everything about the protected things that an attack could change, as the host has it; without `inodes` a placeholder may be a new one. */
export function fingerprint(dir: string, inodes = true): string {
  const script = `
    for p in .git .git/info .claude ${PATHS.join(' ')} .git/commondir commondir .env deep/er/.env; do
      stat -c '%n %F ${inodes ? '%i' : ''} %u' "$p" 2>/dev/null || echo "$p is not there"
      case $p in .git|.git/info|.claude) ;; *) [ ! -d "$p" ] || ls -lAR --time-style=+ "$p" | grep -v ^total;; esac
    done
    find ${PATHS.join(' ')} .env -type f -exec sha256sum {} + 2>/dev/null | sort
    cat .git/config .git/config.worktree 2>/dev/null || true`;
  return execFileSync('/bin/sh', ['-c', script], { cwd: dir, encoding: 'utf8' });
}

/** What the host's git does when it looks at a folder, if that is to run a program of the repository's. */
export function ranByGit(owner: Owner, dir: string): string | undefined {
  const trace = `${dir}/../trace`;
  writeFileSync(trace, '');
  chownSync(trace, owner.uid, owner.gid);
  const env = { ...GIT_ENV, HOME: '/nonexistent', IA_TRACE: trace };
  // What git thinks of the repository does not count: attacks break it.
  spawnSync('git', ['status', '--porcelain'], { ...owner, cwd: dir, env, stdio: 'ignore', timeout: 10_000 });
  return readFileSync(trace, 'utf8') === '' ? undefined : "the host's git ran a program of the attacker's";
}

/** What differs between two fingerprints, in one line. */
export function difference(before: string, after: string): string | undefined {
  if (before === after) return undefined;
  const had = new Set(before.split('\n'));
  const has = new Set(after.split('\n'));
  const gone = [...had].filter(line => !has.has(line)).slice(0, 2);
  const come = [...has].filter(line => !had.has(line)).slice(0, 2);
  return `${gone.join(' | ')} became ${come.join(' | ')}`;
}

/** A copy of a directory that can be put back in its place, which a mount may be on. */
export function pristine(t: Ending, dir: string): () => Promise<void> {
  const copy = `${dir}.copy`;
  cpSync(dir, copy, { recursive: true, preserveTimestamps: true });
  t.after(() => removeSoon(copy));
  return async () => {
    execFileSync('/bin/sh', ['-ec', 'find . -mindepth 1 -delete; cp -a "$1/." .', 'sh', copy], { cwd: dir });
  };
}

/** The mount table of the host, in which nothing of a slot may stay. */
export function hostMounts(): string {
  return readFileSync('/proc/self/mountinfo', 'utf8');
}

/** Flags of a file, as lsattr shows them. */
export function flagsOf(path: string): string {
  return execFileSync('lsattr', ['-d', '--', path], { encoding: 'utf8' }).split(' ')[0] ?? '';
}

/** Writes a file as root on the host and gives it to the owner. */
export function write(owner: Owner, path: string, text: string): void {
  writeFileSync(path, text);
  chownSync(path, owner.uid, owner.gid);
}
