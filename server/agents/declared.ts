import { Failure } from '../base/errors.ts';
import { changedAt, newestFiles } from './history.ts';
import { signalFile } from './signal.ts';
import type { Agent, Conversation, DeclaredAgent, LaunchOptions } from './types.ts';

/** An agent that only the configuration knows. Its state is told by its start and its end alone. Fails with `config`. */
export function declaredAgent(name: string, table: DeclaredAgent): Agent {
  const fresh = words(name, table.command);
  const again = table.resume === undefined ? fresh : words(name, table.resume);
  const state = table.stateDirectory;
  if (state !== undefined && !isInHome(state))
    throw bad(name, `its state directory "${state}" must lie below the home`);
  return {
    name,
    title: name,
    command: o => filled(o.resume === undefined ? fresh : again, o),
    environment: () => ({ ...table.environment }),
    files: o => [signalFile(o)],
    stateDirs: state === undefined ? [] : [{ saved: state, home: state }],
    tells: false,
    login: { files: [] },
    versionArgv: [fresh[0] ?? name, '--version'],
    findConversation: dir => (state === undefined ? Promise.resolve(undefined) : lastChange(dir, state)),
    transcript: async () => [],
  };
}

function words(name: string, command: readonly string[]): string[] {
  if (command.length === 0 || command[0] === '') throw bad(name, 'its command is empty');
  return [...command];
}

/** A word that is nothing but a placeholder without a value is left out. */
function filled(argv: readonly string[], o: LaunchOptions): string[] {
  const values: Readonly<Record<string, string | undefined>> = {
    session: o.sessionId,
    id: o.resume?.agentSessionId,
    prompt: o.prompt,
    model: o.model,
    cwd: o.cwd,
    home: o.home,
  };
  const [program = '', ...rest] = argv;
  const kept = rest.filter(word => {
    const only = /^\{(\w+)\}$/.exec(word)?.[1];
    return only === undefined || !(only in values) || values[only] !== undefined;
  });
  const put = (word: string) =>
    word.replace(/\{(\w+)\}/g, (all, key: string) => (key in values ? (values[key] ?? '') : all));
  return [o.binary ?? program, ...kept.map(put)];
}

/** Such an agent resumes by itself; only the time of its last change is known. */
async function lastChange(sessionDir: string, state: string): Promise<Conversation | undefined> {
  const [newest] = await newestFiles(sessionDir, state, 4, () => true);
  return newest === undefined ? undefined : { lastActivityAt: changedAt(newest) };
}

function isInHome(path: string): boolean {
  return /^[^/\0]/.test(path) && !path.split('/').some(part => part === '' || part === '..' || part === '.');
}

function bad(name: string, why: string): Failure {
  return new Failure('config', `The agent "${name}" of the configuration cannot be used: ${why}.`, {
    hint: `Correct [agents.${name}] in the configuration.`,
  });
}
