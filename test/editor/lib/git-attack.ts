import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { owner } from './incus.ts';
import { removeSoon } from './remove.ts';

/** Who attacks from inside. */
export type Attacker = 'code' | 'root';

/**
 * Notes which programs of a repository the host has run. Each writes its own name into a folder that exists on the host only,
 * so that none can be missed, and what runs inside leaves no trace.
 */
export class Trace {
  readonly folder: string;

  constructor(t: TestContext) {
    this.folder = mkdtempSync(join(tmpdir(), 'ran-'));
    chmodSync(this.folder, 0o777);
    t.after(() => removeSoon(this.folder));
  }

  /** Names of the programs that ran on the host. */
  ran(): Set<string> {
    const file = join(this.folder, 'ran');
    return new Set(existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []);
  }
}

/** Makes a folder a repository with a file to change and a branch that has an upstream. Nobody listens where its remote is. */
export function makeRepository(folder: string): void {
  const script = `
git init -q -b main .
git config user.name me; git config user.email me@example.org
git add . && git commit -qm first
git remote add origin ssh://127.0.0.1:1/none
git update-ref refs/remotes/origin/main HEAD
git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/main
git branch -q --set-upstream-to=origin/main`;
  const env = { PATH: process.env.PATH ?? '', HOME: folder, GIT_CONFIG_NOSYSTEM: '1' };
  execFileSync('/bin/sh', ['-ec', script], { cwd: folder, env, uid: owner.uid, gid: owner.gid });
}

/** What the host's git or the editor may be told to run, and where it is said. */
export const PROGRAMS = {
  fsmonitor: 'core.fsmonitor',
  include: 'core.sshCommand, in an included file',
  filter: 'a filter',
  textconv: 'a textconv',
  hook: 'hooks',
  task: 'a task of .vscode that runs when the folder is opened',
  race: 'core.fsmonitor, when the editor has written .git/config after a checkout -b',
  commondir: 'core.fsmonitor, of the place that a .git/commondir leads to',
  gitfile: '.git replaced by a file that leads elsewhere',
} as const;

/** Programs of an attacker that say that they were run; goes before every script. */
function programs(trace: Trace, as: Attacker): string {
  return `
W=$PWD; E=$W/.evil; umask 022; mkdir -p "$E"; chmod 777 "$E" 2>/dev/null; echo '*' >"$E/.gitignore"
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
program() {
  printf '#!/bin/sh\\n[ -d ${trace.folder} ] && echo ${as}-%s >>${trace.folder}/ran\\n%s\\n' "$1" "$2" >"$E/${as}-$1"
  chmod 755 "$E/${as}-$1"
}
program fsmonitor 'exit 1'; program include 'exit 1'; program race 'exit 1'; program gitfile 'exit 1'; program commondir 'exit 1'
program filter 'exec cat'; program textconv 'exec cat "$1"'; program hook; program task; program nested 'exit 1'; program submodule 'exit 1'
write() { cat >>.git/config || { cat .git/config - >.git/config.new && mv -f .git/config.new .git/config; }; } 2>/dev/null
free() {
  for p in .git/config .git/hooks .vscode .git; do umount -l "$p"; chattr -i "$p"; mount -o remount,bind,rw "$W/$p"; chmod -R a+w "$p"; done
} 2>/dev/null
`;
}

/** Puts every program where the host might run it, by every way to the protected files. */
export function plant(trace: Trace, as: Attacker): string {
  return `${programs(trace, as)}
[ ${as} = root ] && free
printf '[core]\\n\\tsshCommand = %s\\n' "$E/${as}-include" >"$E/${as}-included"
printf '[include]\\n\\tpath = %s\\n[filter "evil"]\\n\\tclean = %s\\n[diff "evil"]\\n\\ttextconv = %s\\n' \\
  "$E/${as}-included" "$E/${as}-filter" "$E/${as}-textconv" | write
git config core.fsmonitor "$E/${as}-fsmonitor"
for h in pre-commit post-commit post-checkout reference-transaction; do cp "$E/${as}-hook" .git/hooks/$h; done
mkdir -p .vscode .devcontainer
printf '{"version":"2.0.0","tasks":[{"label":"t","type":"shell","command":"%s","runOptions":{"runOn":"folderOpen"}}]}' "$E/${as}-task" >.vscode/tasks.json
printf '{"initializeCommand":"%s"}' "$E/${as}-task" >.devcontainer/devcontainer.json
echo 'hello.txt filter=evil diff=evil' >.gitattributes
echo "${as} was here" >>hello.txt; touch seen-${as}.txt; true`;
}

/** Makes a branch, for which the editor writes a key into .git/config, and writes its own the moment that this has happened. */
export function race(trace: Trace, as: Attacker): string {
  return `${programs(trace, as)}
git checkout -q -b "$(basename "$W")-${as}"
printf '[core]\\n\\tfsmonitor = %s\\n' "$E/${as}-race" >"$E/${as}-race.config"
(timeout 60 sh -c 'until grep -q vscode-merge-base .git/config; do sleep 0.02; done
until cat "$0" >>.git/config || { cat .git/config "$0" >"$0.new" && mv -f "$0.new" .git/config; }; do sleep 0.02; done' \\
  "$E/${as}-race.config" >/dev/null 2>&1 &)
true`;
}

/** Makes git find its configuration elsewhere, while .git stays. */
export function commonDirectory(trace: Trace, as: Attacker): string {
  return `${programs(trace, as)}
[ ${as} = root ] && { umount -l .git/commondir; chattr -i .git/commondir; } 2>/dev/null
rm -rf .evil/common; cp -r .git .evil/common; rm -f .evil/common/commondir
git --git-dir=.evil/common config core.fsmonitor "$E/${as}-commondir"
rm -rf .git/commondir; echo ../.evil/common >.git/commondir; touch common-${as}.txt; true`;
}

/** Puts a file where .git is, which leads to a repository of the attacker's. */
export function gitFile(trace: Trace, as: Attacker): string {
  return `${programs(trace, as)}
rm -rf .evil/git; cp -r .git .evil/git; git --git-dir=.evil/git config core.fsmonitor "$E/${as}-gitfile"
mv .git .git.old && echo "gitdir: $E/git" >.git; touch later-${as}.txt; true`;
}

/** Makes a repository within the workspace, and a second one that .gitmodules names. */
export function nested(trace: Trace, as: Attacker): string {
  return `${programs(trace, as)}
for r in nested submodule; do
  git init -q $r; git -C $r -c user.name=x -c user.email=x@x commit -q --allow-empty -m x; git -C $r config core.fsmonitor "$E/${as}-$r"
done
printf '[submodule "submodule"]\\n\\tpath = submodule\\n\\turl = ./submodule\\n' >.gitmodules; touch nested-${as}.txt; true`;
}
