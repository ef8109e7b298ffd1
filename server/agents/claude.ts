import { claudeConversation, claudeHas, claudePath, claudeTranscript } from './claude-history.ts';
import { ownDirectory, signalFile, signalProgram } from './signal.ts';
import type { Agent, AgentFile, LaunchOptions, StateDir } from './types.ts';

/** Claude Code. Facts from the program's 2.1.197: settings, hooks, the registry of running sessions. */
export const claude: Agent = {
  name: 'claude',
  title: 'Claude Code',
  command,
  environment: () => ({ IS_SANDBOX: '1', DISABLE_AUTOUPDATER: '1' }),
  files,
  stateDirs: [
    { saved: '.claude/projects', home: '.claude/projects' },
    { saved: '.claude/sessions', home: '.claude/sessions', volatile: true },
    // What it can take back files to, its list of tasks, and its plans.
    ...['file-history', 'tasks', 'plans'].map(name => ({ ...beside(name), aside: true as const })),
  ],
  registry: '.claude/sessions',
  tells: true,
  login: {
    directory: '.claude',
    // What was pasted, and what runs before each of its commands.
    own: ['paste-cache', 'image-cache', 'shell-snapshots', 'session-env'].map(name => `.claude/${name}`),
    files: ['.claude/.credentials.json'],
  },
  versionArgv: ['claude', '--version'],
  findConversation: claudeConversation,
  transcript: claudeTranscript,
  pathOf: claudePath,
  hasId: claudeHas,
};

/** A directory of the program's own, under the same name in the session. */
function beside(name: string): StateDir {
  return { saved: `.claude/${name}`, home: `.claude/${name}` };
}

function command(o: LaunchOptions): string[] {
  const argv = [o.binary ?? 'claude', '--settings', settingsPath(o.home)];
  argv.push('--permission-mode', o.permissionMode === 'bypass' ? 'bypassPermissions' : 'default');
  if (o.model !== undefined) argv.push('--model', o.model);
  if (o.effort !== undefined) argv.push('--effort', o.effort);
  if (o.resume === undefined) argv.push('--session-id', o.sessionId);
  else if (o.resume.agentSessionId === undefined) argv.push('--continue');
  else argv.push('--resume', o.resume.agentSessionId);
  // After "--" a prompt that begins with a dash is no option.
  if (o.prompt !== undefined) argv.push('--', o.prompt);
  return argv;
}

/** Our settings lie beside the user's and are named on the command line, so the user's own file is never touched. */
function settingsPath(home: string): string {
  return `${ownDirectory(home)}/claude.json`;
}

function files(o: LaunchOptions): AgentFile[] {
  return [
    signalFile(o),
    { path: settingsPath(o.home), content: json(settings(o)), mode: 0o644 },
    { path: `${o.home}/.claude.json`, content: json(answers(o)), mode: 0o600, merge: 'json' },
    ...(o.context === undefined
      ? []
      : [{ path: `${o.home}/.claude/CLAUDE.md`, content: o.context, mode: 0o644, merge: 'block' as const }]),
  ];
}

/** Hooks of each moment that changes the agent's state; the registry file covers what no hook tells (Esc, for one). */
function settings(o: LaunchOptions): object {
  const hook = (word: string) => [{ hooks: [{ type: 'command', command: `${signalProgram(o.home)} ${word}` }] }];
  return {
    skipDangerousModePermissionPrompt: true,
    // When it starts it deletes what is older than a month, unless told otherwise; that may be the conversation to go on with.
    cleanupPeriodDays: 36_500,
    hooks: {
      SessionStart: hook('ready'),
      UserPromptSubmit: hook('working'),
      PermissionRequest: hook('waiting'),
      Stop: hook('idle'),
    },
  };
}

/** Answers to the dialogs of the first run, in the file where the program keeps them. */
function answers(o: LaunchOptions): object {
  const key = o.secrets?.ANTHROPIC_API_KEY;
  return {
    hasCompletedOnboarding: true,
    theme: 'dark',
    hasSeenEffortPrompt: true,
    effortCalloutDismissed: true,
    ...(key === undefined ? {} : { customApiKeyResponses: { approved: [key.slice(-20)], rejected: [] } }),
    projects: { [o.cwd]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } },
  };
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
