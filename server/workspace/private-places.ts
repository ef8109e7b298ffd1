import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { release } from 'node:os';

/** Below a home: keys, logins, and programs that run on the host. Nothing in them may be an agent's to write. */
const TREES: Readonly<Record<string, readonly string[]>> = {
  keys: [
    ...['.ssh', '.gnupg', '.aws', '.azure', '.kube', '.password-store', '.docker', '.mozilla', '.thunderbird'],
    ...['.config/gcloud', '.config/gh', '.config/google-chrome', '.config/chromium', '.config/BraveSoftware'],
    ...['.config/microsoft-edge', '.config/vivaldi', '.local/share/keyrings', '.pki', 'snap', '.var/app'],
    ...['.claude', '.codex', '.gemini', '.config/opencode', '.local/share/opencode'],
  ],
  programs: [
    ...['.vscode', '.vscode-insiders', '.vscode-oss', '.vscode-server', '.vscode-server-insiders', '.vscode-remote'],
    ...['.vscodium-server', '.cursor', '.cursor-server', '.windsurf', '.windsurf-server', '.local/share/code-server'],
    ...['.config/Code', '.config/Code - Insiders', '.config/Code - OSS', '.config/VSCodium', '.config/Cursor'],
    ...['.config/Windsurf', '.config/code-server'],
    ...['.local/bin', '.local/lib', '.config/autostart', '.config/systemd', '.local/share/applications', 'bin'],
    ...['.config/environment.d', '.config/fish'],
    ...['.cargo', '.rustup', '.nvm', '.npm', '.pyenv', '.rbenv', '.bun', '.deno', '.volta', '.local/share/pnpm'],
    // Projects may lie beside these, in `go/src`.
    ...['go/bin', 'go/pkg'],
  ],
};

/** Below a home: too broad themselves, as much of the above lies in them, while a project may too. */
const BROAD = ['.config', '.local', '.local/share', '.local/state', '.cache'];

/** Where editors and agents put worktrees for parallel work, among their programs and logins. */
const WORKTREES = /^(\.(cursor|codex|claude)\/worktrees|\.local\/share\/opencode\/worktree\/[^/]+)\/[^/]+/;

/** What Windows keeps on its drives, where WSL shows them, below /mnt or below / itself: its names know no case. */
const WINDOWS: readonly [RegExp, string][] = [
  [/^(\/mnt)?\/[a-z]$/i, 'it is a whole drive of Windows'],
  [/^(\/mnt)?\/[a-z]\/users(\/[^/]+)?$/i, 'it is a home directory of Windows, with its keys and logins'],
  [
    /^(\/mnt)?\/[a-z]\/users\/[^/]+\/(appdata|\.(ssh|aws|azure|kube|docker|gnupg|vscode|cursor|claude|codex|gemini))(\/|$)/i,
    'it holds keys or programs of Windows',
  ],
  [/^(\/mnt)?\/[a-z]\/(windows|program files( \(x86\))?|programdata)(\/|$)/i, 'it belongs to Windows'],
  [/^\/mnt\/wslg?(\/|$)/, 'it belongs to WSL'],
];

/** Why a folder below a home, or a home itself, must not be a workspace; undefined if it may. */
export function homeRefusal(path: string, home: string): string | undefined {
  if (!path.startsWith(`${home}/`)) return undefined;
  const below = path.slice(home.length + 1);
  if (WORKTREES.test(below)) return undefined;
  for (const [what, trees] of Object.entries(TREES)) {
    const tree = trees.find(name => below === name || below.startsWith(`${name}/`));
    if (tree !== undefined) return `${home}/${tree} holds ${what} of its owner`;
  }
  return BROAD.includes(below) || Object.values(TREES).some(trees => trees.some(name => name.startsWith(`${below}/`)))
    ? `keys and programs of its owner lie in it`
    : undefined;
}

/** Whether this is Linux in Windows (WSL): by its kernel's name, or by its sockets where the kernel is one of the user's own. */
export const IN_WINDOWS = /microsoft/i.test(release()) || existsSync('/run/WSL');

/** Why a folder of a Windows drive must not be a workspace; undefined if it may. Of use in WSL only: elsewhere /mnt/d is a disk like any. */
export function windowsRefusal(path: string): string | undefined {
  return WINDOWS.find(([form]) => form.test(path))?.[1];
}

/** Uids of people: root and ordinary users. Two stand for nobody; those above are a directory service's, and people too. */
const isPerson = (uid: number): boolean => uid === 0 || (uid >= 1000 && uid !== 65_534 && uid !== 65_535);

/** The homes of the people of this computer, as far as its own list names them. */
export async function homesOfPeople(): Promise<string[]> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '');
  return homesIn(text);
}

/** The homes of people in the text of a passwd file. */
export function homesIn(passwd: string): string[] {
  return passwd.split('\n').flatMap(line => {
    const [, , uid = '', , , home = ''] = line.split(':');
    const cleaned = home.replace(/\/+$/, '');
    return /^\d+$/.test(uid) && isPerson(Number(uid)) && /^\/./.test(cleaned) ? [cleaned] : [];
  });
}
