import { geminiConversation, geminiHas, geminiTranscript } from './gemini-history.ts';
import { questionFile, questionProgram } from './gemini-question.ts';
import { signalFile, signalProgram } from './signal.ts';
import type { Agent, AgentFile, LaunchOptions } from './types.ts';

/** Gemini CLI. Facts from the program's 0.61: settings with hooks, chats below tmp/<project>. */
export const gemini: Agent = {
  name: 'gemini',
  title: 'Gemini CLI',
  command,
  environment: () => ({ GEMINI_CLI_TRUST_WORKSPACE: 'true' }),
  files,
  stateDirs: [{ saved: '.gemini/tmp', home: '.gemini/tmp' }],
  tells: true,
  // BeforeTool comes before the question.
  tellsAnswers: false,
  login: {
    directory: '.gemini',
    files: ['.gemini/oauth_creds.json', '.gemini/google_accounts.json'],
  },
  versionArgv: ['gemini', '--version'],
  findConversation: geminiConversation,
  transcript: geminiTranscript,
  hasId: geminiHas,
};

function command(o: LaunchOptions): string[] {
  const argv = [o.binary ?? 'gemini', '--approval-mode', o.permissionMode === 'bypass' ? 'yolo' : 'default'];
  if (o.model !== undefined) argv.push('--model', o.model);
  if (o.resume === undefined) argv.push('--session-id', o.sessionId);
  else argv.push('--resume', o.resume.agentSessionId ?? 'latest');
  // Joined, so that a prompt that begins with a dash is no option.
  if (o.prompt !== undefined) argv.push(`--prompt-interactive=${o.prompt}`);
  return argv;
}

function files(o: LaunchOptions): AgentFile[] {
  const settings = `${o.home}/.gemini/settings.json`;
  return [
    signalFile(o),
    questionFile(o.home),
    { path: settings, content: `${JSON.stringify(answers(o), null, 2)}\n`, mode: 0o600, merge: 'json' },
    ...(o.context === undefined
      ? []
      : [{ path: `${o.home}/.gemini/GEMINI.md`, content: o.context, mode: 0o644, merge: 'block' as const }]),
  ];
}

function answers(o: LaunchOptions): object {
  const call = (command: string) => [{ hooks: [{ type: 'command', command }] }];
  const hook = (word: string) => call(`${signalProgram(o.home)} ${word}`);
  const key = o.secrets?.GEMINI_API_KEY;
  return {
    general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
    security: {
      folderTrust: { enabled: false },
      ...(key === undefined ? {} : { auth: { selectedType: 'gemini-api-key' } }),
    },
    hooks: {
      SessionStart: hook('ready'),
      BeforeAgent: hook('working'),
      Notification: call(questionProgram(o.home)),
      AfterTool: hook('working'),
      AfterAgent: hook('idle'),
    },
  };
}
