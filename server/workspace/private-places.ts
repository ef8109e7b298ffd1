import { readFile } from 'node:fs/promises';

/** Below a home: keys, logins, and programs that run on the host. Nothing in them may be an agent's to write. */
const TREES: Readonly<Record<string, readonly string[]>> = {
  keys: [
    ...['.ssh', '.gnupg', '.aws', '.azure', '.kube', '.password-store', '.docker', '.mozilla', '.thunderbird'],
    ...['.config/gcloud', '.config/gh', '.config/google-chrome', '.config/chromium', '.config/BraveSoftware'],
    ...['.local/share/keyrings', '.pki', 'snap'],
    ...['.claude', '.codex', '.gemini'],
  ],
  programs: [
    ...['.vscode', '.vscode-server', '.vscode-server-insiders', '.vscode-remote', '.vscodium-server', '.cursor'],
    ...['.cursor-server', '.windsurf', '.windsurf-server', '.local/share/code-server', '.config/Code'],
    ...['.local/bin', '.local/lib', '.config/autostart', '.config/systemd', '.local/share/applications', 'bin'],
    ...['.cargo', '.rustup', '.nvm', '.npm', '.pyenv', '.rbenv'],
  ],
};

/** Below a home: too broad themselves, as much of the above lies in them, while a project may too. */
const BROAD = ['.config', '.local', '.local/share', '.local/state', '.cache'];

/** Where editors and agents put worktrees for parallel work, among their programs and logins. */
const WORKTREES = /^\.(cursor|codex|claude)\/worktrees\/[^/]+/;

/** What Windows keeps on its drives, where WSL shows them: its names know no case. */
const WINDOWS: readonly [RegExp, string][] = [
  [/^\/mnt\/[a-z]$/i, 'it is a whole drive of Windows'],
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

/** Why a folder of a Windows drive must not be a workspace; undefined if it may. */
export function windowsRefusal(path: string): string | undefined {
  return WINDOWS.find(([form]) => form.test(path))?.[1];
}

/** Uids of people: root and ordinary users; the last ones stand for nobody. */
const isPerson = (uid: number): boolean => uid === 0 || (uid >= 1000 && uid < 65_534);

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
