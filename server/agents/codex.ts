import { codexConversation, codexTranscript } from './codex-history.ts';
import { loginFile } from './codex-login.ts';
import { ownDirectory, signalFile, signalProgram } from './signal.ts';
import type { Agent, AgentFile, LaunchOptions } from './types.ts';

/** What it knows of each conversation besides the conversation itself: goals, what waits to be sent, what was said once more. */
const DATABASES = '.codex/sqlite';

/** OpenAI Codex. Facts from the program's 0.169: overrides with -c, managed hooks, rollout files. */
export const codex: Agent = {
  name: 'codex',
  title: 'Codex',
  command,
  environment: o => ({ CODEX_SQLITE_HOME: `${o.home}/${DATABASES}` }),
  files,
  stateDirs: [
    { saved: '.codex/sessions', home: '.codex/sessions' },
    { saved: DATABASES, home: DATABASES, aside: true },
  ],
  tells: true,
  // No hook runs between an approval and the end of the command.
  tellsAnswers: false,
  // It tells of turns only.
  readyAfter: 2000,
  login: {
    directory: '.codex',
    // What it made, and what it remembers.
    own: ['generated_images', 'memories'].map(name => `.codex/${name}`),
    files: ['.codex/auth.json'],
  },
  versionArgv: ['codex', '--version'],
  findConversation: codexConversation,
  transcript: codexTranscript,
};

function command(o: LaunchOptions): string[] {
  const words = [o.binary ?? 'codex'];
  if (o.resume !== undefined) words.push('resume');
  words.push(...options(o));
  if (o.resume !== undefined && o.resume.agentSessionId === undefined) words.push('--last');
  const positional = [o.resume?.agentSessionId, o.prompt].filter(word => word !== undefined);
  // After "--" a prompt that begins with a dash is no option.
  return positional.length === 0 ? words : [...words, '--', ...positional];
}

function options(o: LaunchOptions): string[] {
  const set = (key: string, value: unknown) => ['-c', `${key}=${toml(value)}`];
  return [
    ...(o.permissionMode === 'bypass'
      ? ['--dangerously-bypass-approvals-and-sandbox']
      : ['--sandbox', 'workspace-write', '--ask-for-approval', 'on-request']),
    ...(o.model === undefined ? [] : ['--model', o.model]),
    ...(o.effort === undefined ? [] : set('model_reasoning_effort', o.effort)),
    ...set('check_for_update_on_startup', false),
    // The background server of other front ends takes 200 MB and outlives the agent with its environment.
    ...set('features.daemon_auto_start', false),
    // They would be files with its whole environment, keys among it.
    ...set('features.shell_snapshot', false),
    ...set('projects', { [o.cwd]: { trust_level: 'trusted' } }),
  ];
}

function files(o: LaunchOptions): AgentFile[] {
  return [
    signalFile(o),
    { path: '/etc/codex/requirements.toml', content: hooks(o), mode: 0o644 },
    loginFile(o),
    ...(o.context === undefined
      ? []
      : [{ path: `${o.home}/.codex/AGENTS.md`, content: o.context, mode: 0o644, merge: 'block' as const }]),
  ];
}

const MOMENTS: readonly (readonly [string, string])[] = [
  ['SessionStart', 'ready'],
  ['UserPromptSubmit', 'working'],
  ['PermissionRequest', 'waiting'],
  ['PostToolUse', 'working'],
  ['Stop', 'idle'],
  ['Interrupt', 'idle'],
];

/** Hooks of the machine's own requirements are trusted; hooks of the user would have to be approved by hand first. */
function hooks(o: LaunchOptions): string {
  const tables = MOMENTS.map(
    ([moment, word]) =>
      `[[hooks.${moment}]]\n[[hooks.${moment}.hooks]]\ntype = "command"\ncommand = ${toml(`${signalProgram(o.home)} ${word}`)}\n`,
  );
  return `[hooks]\nmanaged_dir = ${toml(ownDirectory(o.home))}\n\n${tables.join('\n')}`;
}

/** A value as TOML: JSON's strings and booleans are TOML, tables are written inline. */
function toml(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}=${toml(inner)}`)
    .join(',')}}`;
}
