import type { Attack } from '../attack.ts';

/**
 * Goes before every attack: `hit DIR` tries everything with a way to the workspace, `reached` says that something was
 * read which should not be.
 */
export const HELPERS = `
W=$PWD
hit() {
  for d in "$@"; do
    printf '[core]\\n\\tfsmonitor = /tmp/evil\\n' >>"$d/.git/config"
    printf evil >"$d/.git/config.new" && mv -f "$d/.git/config.new" "$d/.git/config"
    rm -f "$d/.git/config.new"
    printf evil >"$d/.git/config.worktree"
    printf evil >"$d/.git/hooks/pre-commit"; printf evil >"$d/.git/hooks/post-checkout"
    mkdir "$d/.git/modules/evil"
    printf evil >"$d/.git/info/attributes"
    printf evil >"$d/.vscode/tasks.json"; printf evil >"$d/.vscode/settings.json"
    printf evil >"$d/.devcontainer/devcontainer.json"
    printf evil >"$d/.mcp.json"; printf evil >"$d/.envrc"
    printf evil >"$d/.claude/settings.json"; printf evil >"$d/.claude/settings.local.json"
    printf evil >"$d/.cursor/mcp.json"; printf evil >"$d/.gemini/settings.json"; printf evil >"$d/opencode.json"
    cat "$d/.env" "$d/deep/er/.env"
  done
} 2>/dev/null
each() { for p in .git .git/hooks .git/config .git/config.worktree .git/info .git/info/attributes .git/modules .vscode .husky .devcontainer .mcp.json .envrc .coi .claude .claude/settings.json .env; do "$@" "$p"; done; }
lead() {
  [ ! -e .git/H ] || mv .git/H .git/HEAD
  mkdir -p .evil/objects .evil/refs
  printf '#!/bin/sh\\n[ -z "$IA_TRACE" ] || echo ran >"$IA_TRACE"\\nexit 1\\n' >.evil/run; chmod 755 .evil/run
  printf '[core]\\n\\trepositoryformatversion = 0\\n\\tbare = false\\n\\tworktree = .\\n\\tfsmonitor = .evil/run\\n' >.evil/config
}
reached() { echo "REACHED: $*"; }
`;

const ROOT = ['root'] as const;

/** open_tree(2) and mount_setattr(2) by number: clones of single mounts, and every flag taken off. */
const NEW_MOUNT_CALLS = `
my ($clone, $rec, $empty) = (1, 0x8000, 0x1000);
for my $p ('.git', '.git/config', '.git/hooks', '.vscode', '.') { for my $r (0, $rec) {
  my $fd = syscall(428, -100, $p, $clone | $r); next if $fd < 0;
  for my $clear (1, 0x200001) { my $a = pack('QQQQ', 0, $clear, 0, 0); syscall(442, $fd, '', $empty | $r, $a, 32); }
  for my $f ('config', 'hooks/pre-commit', '.git/config', '.vscode/tasks.json', 'pre-commit', 'tasks.json', '') {
    if (open(my $o, '>>', "/proc/self/fd/$fd/$f")) { print $o "evil"; close $o } } } }
for my $p ('.git/config', '.git/hooks', '.vscode') { my $a = pack('QQQQ', 0, 1, 0, 0); syscall(442, -100, $p, 0x8000, $a, 32); }
`;

/** name_to_handle_at(2) and open_by_handle_at(2): what a handle means is opened through a writable mount. */
const HANDLES = `
use Fcntl;
for my $p ('.git/hooks', '.vscode', '.git/config', '.git/hooks/pre-commit', '.env') {
  my $h = pack('IiC128', 128, 0, (0) x 128); my $m = pack('i', 0);
  syscall(303, -100, $p, $h, $m, 0) == 0 or next;
  for my $via ('.', '.git', '.git/objects', 'src') {
    sysopen(my $d, $via, O_RDONLY) or next;
    for my $flags (O_RDWR, O_RDONLY | 0200000, O_RDONLY) {
      my $fd = syscall(304, fileno($d), $h, $flags); next if $fd < 0;
      for my $f ("/proc/self/fd/$fd", "/proc/self/fd/$fd/pre-commit", "/proc/self/fd/$fd/evil") {
        if (open(my $o, '>>', $f)) { print $o "evil"; close $o } }
      if ($p eq '.env' && open(my $i, '<', "/proc/self/fd/$fd")) { print <$i> } } } }
`;

/** What leads the host's git to a configuration of the attacker's, while there is a repository still. */
const GIT: Attack[] = [
  {
    name: 'a commondir, by which .git has another configuration',
    script: 'lead; rm -rf .git/commondir; echo ../.evil >.git/commondir',
  },
  {
    name: 'a repository in the folder itself, when .git is none',
    script:
      'lead; mv .git/HEAD .git/H; rm -rf commondir; cp .evil/config config; mkdir -p objects refs; echo "ref: refs/heads/main" >HEAD',
  },
  {
    name: 'the same, with a commondir',
    script:
      'lead; mv .git/HEAD .git/H; rm -rf objects refs config; echo "ref: refs/heads/main" >HEAD; rm -rf commondir; echo .evil >commondir',
  },
];

/** What is done with files alone. */
const FILES: Attack[] = [
  { name: 'write to every protected path', script: 'hit "$W"' },
  { name: 'remove them', script: 'each rm -rf; mkdir -p .git/hooks; hit "$W"' },
  {
    name: 'move them away',
    script: 'moved() { mv "$1" "$1.old"; }; each moved; mkdir -p .git .vscode .claude; hit "$W"',
  },
  {
    name: 'move .git away and put a copy in its place',
    script: 'mv .git .git.old; mkdir .git; cp -r .git.old/. .git/; git config core.fsmonitor /tmp/evil; hit "$W"',
  },
  { name: 'move the parents away', script: 'mv .claude .c; mv .git/info .git/i; mkdir .claude .git/info; hit "$W"' },
  {
    name: 'git config',
    script:
      'git -c safe.directory="*" config core.fsmonitor /tmp/evil; git config --file .git/config core.pager /tmp/evil',
  },
  {
    name: 'hard links out of them',
    script:
      'for f in .git/config .git/hooks/pre-commit .vscode/tasks.json .claude/settings.json; do ln "$f" "x$$" && echo evil >>"x$$"; rm -f "x$$"; done',
  },
  {
    name: 'hard links over them',
    script:
      'echo evil >e; for f in .git/config .mcp.json .git/hooks/pre-commit; do ln -f e "$f"; mv -T --exchange e "$f"; done; rm -f e',
  },
  {
    name: 'symlinks in their place',
    script: 'sl() { ln -sfn /tmp "$1"; rm -rf "$1"; ln -s /tmp "$1"; }; each sl',
    as: ROOT,
  },
  { name: 'change their mode and owner', script: 'each chmod 777; each chown 1000:1000; each chmod 4755; hit "$W"' },
  { name: 'take the flags off', script: 'each chattr -i; each chattr -a; each chattr -R -ia; hit "$W"', as: ROOT },
  { name: 'truncate and swap', script: 'each truncate -s 0; for f in .git/config .envrc .mcp.json; do : >"$f"; done' },
  {
    name: 'through /proc/*/root and /proc/*/cwd',
    script: 'hit /proc/self/root"$W" /proc/1/root"$W" /proc/self/cwd /proc/$$/cwd',
  },
  {
    name: 'through an open file',
    script:
      'exec 5<.git/config; echo evil >>/proc/self/fd/5; exec 6<.git; echo evil >>/proc/self/fd/6/config; hit /proc/self/fd/6/..',
  },
];

/** What is done with mounts. */
const MOUNTS: Attack[] = [
  { name: 'umount', script: 'each umount; hit "$W"', as: ROOT },
  { name: 'umount -l, -f, -R', script: 'each umount -l; each umount -f; umount -R .git; hit "$W"', as: ROOT },
  {
    name: 'remount writable',
    script: 'rw() { mount -o remount,bind,rw "$W/$1"; mount -o remount,rw "$W/$1"; }; each rw; hit "$W"',
    as: ROOT,
  },
  {
    name: 'bind and rbind elsewhere',
    script:
      'mkdir -p /mnt/a /mnt/b /mnt/c; mount --bind "$W" /mnt/a; mount --rbind "$W" /mnt/b; mount --bind .git /mnt/c; hit /mnt/a /mnt/b; echo evil >>/mnt/c/config; each umount; (cd /mnt/b && each umount; each mount -o remount,bind,rw); hit /mnt/b; umount -l /mnt/a /mnt/b /mnt/c',
    as: ROOT,
  },
  {
    name: 'move the mounts',
    script:
      'mkdir -p /mnt/m; each sh -c \'mount --move "$1" /mnt/m\' sh; mount --move "$W" /mnt/m; hit "$W" /mnt/m; umount -l /mnt/m',
    as: ROOT,
    control: true,
  },
  {
    name: 'a private mount namespace',
    script:
      'unshare -m --propagation private sh -c "$H each umount -l; each mount -o remount,bind,rw; mkdir -p /mnt/n; mount --rbind . /mnt/n; hit . /mnt/n; mount --make-rprivate /; hit ."',
    as: ROOT,
  },
  {
    name: 'user namespaces in one another',
    script:
      'unshare -Urm sh -c "$H each umount -l; each mount -o remount,bind,rw; mkdir -p /tmp/u; mount --rbind . /tmp/u; hit . /tmp/u; unshare -Urm sh -c \\"cd $W; umount -l .git; umount .git/config; echo evil >>.git/config\\""',
  },
  {
    name: 'pivot_root',
    script:
      'unshare -m --propagation private sh -c "$H mkdir -p /tmp/p; mount --rbind / /tmp/p; mkdir -p /tmp/p/old; cd /tmp/p; pivot_root . old; cd \\"$W\\"; each umount -l; hit \\"$W\\" \\"/old$W\\""',
    as: ROOT,
  },
  {
    name: 'an overlay that writes into the tree',
    script:
      'for u in .git .git/hooks .vscode . .claude; do mkdir -p wd /mnt/o; mount -t overlay overlay -o lowerdir=/etc,upperdir="$W/$u",workdir="$W/wd" /mnt/o && { echo evil >/mnt/o/config; echo evil >/mnt/o/pre-commit; mkdir -p /mnt/o/.git /mnt/o/hooks; echo evil >/mnt/o/hooks/pre-commit; hit /mnt/o; umount /mnt/o; }; rm -rf wd; done',
    as: ROOT,
    control: false,
  },
  {
    name: 'a tmpfs over .git',
    script: 'mount -t tmpfs none .git; mkdir -p .git/hooks; echo evil >.git/config; umount .git; hit "$W"',
    as: ROOT,
  },
  {
    name: 'the newer mount calls',
    script: `cat >/tmp/m.pl <<'END'\n${NEW_MOUNT_CALLS}END\nperl /tmp/m.pl; hit "$W"`,
    as: ROOT,
  },
  {
    name: 'file handles, past the mounts',
    script: `cat >/tmp/h.pl <<'END'\n${HANDLES}END\nperl /tmp/h.pl`,
    as: ROOT,
    control: false,
  },
];

/** Ways to the host that go past the tree. */
const HOST: Attack[] = [
  {
    name: "the host's disk as a device",
    script:
      'for d in "254 0" "253 0" "8 0" "259 0" "7 0"; do rm -f /tmp/disk; mknod /tmp/disk b $d && head -c 512 /tmp/disk >/dev/null 2>&1 && reached "device $d"; done; for d in /dev/sd* /dev/vd* /dev/nvme*; do [ -b "$d" ] && head -c 512 "$d" >/dev/null && reached "$d"; done; true',
    control: false,
  },
  {
    name: 'a setuid file that belongs to root outside',
    script: 'cp /bin/sleep s; chmod 6755 s; chown 0:0 s; cp /bin/sleep src/s; chmod 4755 src/s; chown 0 src/s',
    as: ROOT,
    control: false,
  },
  {
    name: "the hooks' directories and the host's processes",
    script:
      'ls /var/lib/incus-agents /run/incus-agents >/dev/null 2>&1 && reached "directories of the hooks"; ls /var/lib/incus >/dev/null 2>&1 && reached "the data of Incus"; cat /proc/*/cmdline 2>/dev/null | grep -aq [i]ncusd && reached "processes of the host"; true',
    control: false,
  },
  {
    name: 'the secret by other ways',
    script:
      'mv deep d2; mv deep/er deep/e; cat .env */.env */*/.env; cp .env x; cat x; rm -f x; tar c .env | tar xO; dd if=.env; find . -name ".env*" -exec cat {} +; grep -r this-is .',
  },
];

/** Everything that is tried in one container. */
export const ATTACKS: readonly Attack[] = [...GIT, ...FILES, ...MOUNTS, ...HOST].map(attack => ({
  ...attack,
  script: `H='${HELPERS.replaceAll("'", "'\\''")}'; eval "$H"\n{ ${attack.script}\n} 2>&1`,
}));
