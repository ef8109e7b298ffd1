import { opencodeConversation, opencodeTranscript } from './opencode-history.ts';
import { OPENCODE_PLUGIN } from './opencode-plugin.ts';
import { opencodeInWorkspace } from './opencode-workspace.ts';
import { ownDirectory, signalFile } from './signal.ts';
import type { Agent, AgentFile, LaunchOptions } from './types.ts';

/** Where the login lies, and the database, which would be its neighbour by itself. Relative to the home. */
const DATA = '.local/share/opencode';
const STATE = `${DATA}/db`;

/** opencode. Facts from the program's 1.18: OPENCODE_DB, configuration in a variable, events given to plugins. */
export const opencode: Agent = {
  name: 'opencode',
  title: 'opencode',
  command,
  environment,
  files,
  stateDirs: [
    { saved: STATE, home: STATE },
    // Copies of the workspace's files that /undo goes back to.
    { saved: `${DATA}/snapshot`, home: `${DATA}/snapshot`, aside: true },
  ],
  tells: true,
  login: {
    directory: DATA,
    // What of conversations is not in the database, and what commands printed.
    own: ['storage', 'tool-output', 'log'].map(name => `${DATA}/${name}`),
    files: ['.local/share/opencode/auth.json'],
  },
  versionArgv: ['opencode', '--version'],
  findConversation: opencodeConversation,
  transcript: opencodeTranscript,
  inWorkspace: opencodeInWorkspace(STATE),
};

function command(o: LaunchOptions): string[] {
  const argv = [o.binary ?? 'opencode'];
  if (o.model !== undefined) argv.push('--model', o.model);
  if (o.resume?.agentSessionId !== undefined) argv.push('--session', o.resume.agentSessionId);
  else if (o.resume !== undefined) argv.push('--continue');
  // Joined, so that a prompt that begins with a dash is no option.
  if (o.prompt !== undefined) argv.push(`--prompt=${o.prompt}`);
  return argv;
}

function environment(o: LaunchOptions): Record<string, string> {
  return {
    OPENCODE_DB: `${o.home}/${STATE}/opencode.db`,
    INCUS_AGENTS_TRANSCRIPT: `${o.home}/${STATE}/transcript.jsonl`,
    OPENCODE_CONFIG_CONTENT: JSON.stringify({
      autoupdate: false,
      plugin: [`file://${pluginPath(o.home)}`],
      permission: o.permissionMode === 'bypass' ? { '*': 'allow' } : ASK,
    }),
  };
}

/** What changes something or leaves the workspace is asked for; reading is not. */
const ASK = { edit: 'ask', bash: 'ask', webfetch: 'ask', external_directory: 'ask', doom_loop: 'ask' };

function pluginPath(home: string): string {
  return `${ownDirectory(home)}/opencode.js`;
}

function files(o: LaunchOptions): AgentFile[] {
  const config = `${o.home}/.config/opencode`;
  return [
    signalFile(o),
    { path: pluginPath(o.home), content: OPENCODE_PLUGIN, mode: 0o644 },
    // Where there is a plugin, the program fetches a library for it before it shows anything, a minute long when there is no
    // registry. Ours needs none; these two files say that it is there.
    { path: `${config}/node_modules/.keep`, content: '', mode: 0o644, merge: 'keep' },
    { path: `${config}/package-lock.json`, content: LOCK, mode: 0o644, merge: 'keep' },
    ...(o.context === undefined
      ? []
      : [{ path: `${config}/AGENTS.md`, content: o.context, mode: 0o644, merge: 'block' as const }]),
  ];
}

const LOCK = `${JSON.stringify({ lockfileVersion: 3, packages: { '': { dependencies: { '@opencode-ai/plugin': '*' } } } })}\n`;
