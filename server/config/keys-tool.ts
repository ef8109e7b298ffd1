import { agentCredentials } from './agent-problems.ts';
import { askBinary } from './asks.ts';
import { either, flag, list, map, oneOf, table, text } from './check.ts';
import { readAgents, readPrompts } from './entry-readers.ts';
import { commands, hostPath, line, name, VARIABLE, words } from './forms.ts';
import { readPath } from './paths.ts';
import { type KeySpec, key, never, upTo } from './spec.ts';

const READS = 'it reads a file of the host into the container';
const IDENTITY = 'a project must not choose how commits are made';
const ONLY_TEXT = 'not used here: the agent is told in words alone';
const NO_HOOKS = 'not used here: no hooks are put into the git of a container';
/** What an agent may be called, where it is declared and where it is chosen. */
const AGENT = /^[a-z][a-z0-9_-]{0,31}$/;
const OWN = 'it names commands and credentials';

const efforts = oneOf('', 'low', 'medium', 'high', 'xhigh', 'max', 'auto');
const model = (): ReturnType<typeof line> => name('the name of a model');
const argv = (): ReturnType<typeof list> => list(text({ empty: false, what: 'one argument' }));
const variables = map(VARIABLE, 'a variable', text());

const agent = table({
  command: argv(),
  resume_command: argv(),
  state_dir: line('a path relative to the home inside', /^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\0-\x1f\x7f]+$/),
  environment: variables,
  credentials: agentCredentials,
});

/** The agent, its options, prompts, git. */
export const TOOL_KEYS: KeySpec[] = [
  key('tool.name', line('the name of an agent', AGENT), 'claude', 'Agent to run.'),
  key(
    'tool.binary',
    line('a command name or path without spaces', /^[A-Za-z0-9_./][A-Za-z0-9._:/@+-]*$/),
    '',
    'Program in place of the usual one.',
    { project: askBinary },
  ),
  key('tool.permission_mode', oneOf('bypass', 'interactive', ''), 'bypass', 'Whether the agent asks before it acts.', {
    project: upTo(['bypass', 'interactive'], 'a project must not switch permission checks off'),
  }),
  key('tool.auto_context', flag(), true, 'Tell the agent where it is.'),
  key('tool.context_file', hostPath(), '', 'Own text about where it is.', { read: readPath, project: never(READS) }),
  key('tool.context_json', flag(), true, 'Write the facts as JSON too.', { unused: ONLY_TEXT }),
  key('tool.context_json_file', hostPath(), '', 'Own JSON.', {
    read: readPath,
    project: never(READS),
    unused: ONLY_TEXT,
  }),
  key('tool.pre_launch', commands(), [], 'Commands inside before the agent.', {
    project: never('it runs commands at each start'),
  }),
  key('tool.claude.effort_level', efforts, '', 'Effort of Claude Code.'),
  key('tool.claude.model', model(), '', 'Model of Claude Code.'),
  key('tool.codex.model', model(), '', 'Model of Codex.'),
  key('tool.codex.reasoning_effort', line('a word', /^[a-z]{1,16}$/), '', 'Effort of Codex.'),
  key('tool.opencode.model', model(), '', 'Model of opencode.'),
  key('tool.gemini.model', model(), '', 'Model of Gemini CLI.'),

  key(
    'prompts',
    map(/^[^\0-\x1f\x7f]{1,128}$/, 'a prompt', either(text(), table({ file: hostPath() }, ['file']))),
    {},
    'Prompts by name.',
    { join: 'merge', read: readPrompts, project: never('prompts steer the agent'), unused: true },
  ),
  key('agents', map(AGENT, 'an agent (a-z, 0-9, "_", "-")', agent), {}, 'Agents by name.', {
    join: 'merge',
    read: readAgents,
    project: never(OWN),
  }),

  key('git.writable_hooks', flag(), false, 'Let the container write hooks.', {
    project: never('hooks run on the host', value => value === false),
  }),
  key('git.name', line('a name'), '', 'Name of the author.', { project: never(IDENTITY) }),
  key('git.email', line('an address'), '', 'Address of the author.', { project: never(IDENTITY) }),
  key('git.seed_host_identity', flag(), true, 'Use the identity of the host.', { project: never(IDENTITY) }),
  key('git.readonly', flag(), false, 'Lock the identity.', { project: never(IDENTITY), unused: NO_HOOKS }),
  key('git.strip_attribution', flag(), true, 'Remove trailers of agents.', {
    project: never(IDENTITY),
    unused: NO_HOOKS,
  }),
  key('git.strip_attribution_patterns', words(), [], 'What is removed.', {
    emptyIsUnset: true,
    project: never(IDENTITY),
    unused: NO_HOOKS,
  }),
  key('git.protected_branches', words(), ['main', 'master'], 'Branches that are guarded.', {
    project: never(IDENTITY),
    unused: NO_HOOKS,
  }),
];
