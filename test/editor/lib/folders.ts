import { chownSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { quietSettings } from './settings.ts';

/** An ordinary user to run VS Code as. The account must exist: its groups are those of the system. */
export interface Account {
  name: string;
  uid: number;
  gid: number;
}

/** Folders of one code-server, all below `base`. The path is short because unix sockets are made below it (107 bytes). */
export interface Folders {
  base: string;
  home: string;
  runtime: string;
  tmux: string;
  data: string;
  extensions: string;
  config: string;
}

/** What a user has before a server of theirs starts. */
export interface UserFiles {
  /** Settings on top of the quiet ones. */
  settings?: Readonly<Record<string, unknown>>;
  /** Keys of their own. */
  keys?: readonly { key: string; command: string }[];
  /** Files of the home, from paths below it to texts. */
  files?: Readonly<Record<string, string>>;
}

/** Makes the folders of a server, with what the user has in place. */
export function makeFolders({ settings = {}, keys = [], files = {} }: UserFiles = {}): Folders {
  const base = mkdtempSync(join(tmpdir(), 'cs-'));
  const folders: Folders = {
    base,
    home: join(base, 'home'),
    runtime: join(base, 'run'),
    tmux: join(base, 'tmux'),
    data: join(base, 'data'),
    extensions: join(base, 'ext'),
    config: join(base, 'config.yaml'),
  };
  for (const folder of [folders.home, folders.runtime, folders.tmux]) mkdirSync(folder, { mode: 0o700 });
  mkdirSync(folders.extensions);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folders.home, path)), { recursive: true });
    writeFileSync(join(folders.home, path), text);
  }
  // The user's own and the machine's: in a remote window, those of machine scope count from the latter only.
  for (const scope of ['User', 'Machine']) {
    mkdirSync(join(folders.data, scope), { recursive: true });
    writeFileSync(
      join(folders.data, scope, 'settings.json'),
      JSON.stringify({ ...quietSettings, ...settings }, null, 2),
    );
  }
  writeFileSync(join(folders.data, 'User/keybindings.json'), JSON.stringify(keys));
  // Without a file of its own, code-server would write one into the home.
  writeFileSync(folders.config, 'auth: none\n');
  return folders;
}

/** Adds to the settings of the user and the machine. Without any, it writes what is there anew, with so many blank lines at the end. */
export function changeSettings(folders: Folders, settings: Readonly<Record<string, unknown>>, lines = 0): void {
  for (const scope of ['User', 'Machine']) {
    const file = join(folders.data, scope, 'settings.json');
    const now: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, `${JSON.stringify({ ...now, ...settings }, null, 2)}${'\n'.repeat(lines)}`);
  }
}

/** Gives a tree of ours to another user, without following links. */
export function handOver(path: string, account: Account): void {
  chownSync(path, account.uid, account.gid);
  for (const entry of readdirSync(path)) {
    const child = join(path, entry);
    const stat = lstatSync(child);
    if (stat.isDirectory()) handOver(child, account);
    else if (stat.isFile()) chownSync(child, account.uid, account.gid);
  }
}

// What an outer VS Code, tmux or npm left in our environment has no business in there.
const foreign =
  /^(VSCODE_|CODE_SERVER_|ELECTRON_|INCUS_AGENTS_|TMUX|PASSWORD|HASHED_PASSWORD|PORT$|npm_|INIT_CWD|NODE_)/;

/** The environment of a server: its own home and runtime folders, no marketplace. */
export function environmentOf(folders: Folders, extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([key]) => !foreign.test(key));
  return {
    ...Object.fromEntries(inherited),
    HOME: folders.home,
    SHELL: '/bin/bash',
    TMUX_TMPDIR: folders.tmux,
    XDG_CONFIG_HOME: join(folders.home, '.config'),
    XDG_DATA_HOME: join(folders.home, '.local/share'),
    XDG_STATE_HOME: join(folders.home, '.local/state'),
    XDG_CACHE_HOME: join(folders.home, '.cache'),
    XDG_RUNTIME_DIR: folders.runtime,
    EXTENSIONS_GALLERY: '{"serviceUrl":""}',
    ...extra,
  };
}
