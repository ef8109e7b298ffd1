import { askCredentials, askMounts, askPool, askPorts, askSockets } from './asks-shared.ts';
import { type Check, flag, type Issue, integer, isTable, list, oneOf, table, text } from './check.ts';
import { readCredentials, readMounts, readPorts, readSockets } from './entry-readers.ts';
import {
  cpuAllowance,
  cpuCount,
  duration,
  hostPath,
  insidePath,
  insideWorkspace,
  line,
  name,
  rate,
  size,
  sizeOrPercent,
  swap,
  VARIABLE,
} from './forms.ts';
import { incusForm, notAbove } from './magnitude.ts';
import { type KeySpec, key, never, only, upTo } from './spec.ts';

const WEAKER = 'a project must not take protection away';
const MORE = 'a project must not raise a limit that you set';
const SURFACE = 'it changes how the container runs as a whole';

const mount = table({ host: hostPath(), container: insidePath(), readonly: flag(), shift: flag() }, [
  'host',
  'container',
]);
const socket = table({ host: hostPath(), container: insidePath(), env: line('a variable', VARIABLE) }, [
  'host',
  'container',
]);
const credentialTable = table({
  bundle: name('the name of a bundle'),
  host: hostPath(),
  container: text({ pattern: /^\/[^\0-\x1f\x7f]*$/, what: 'an absolute path inside the container' }),
  mode: line('an octal mode such as "0600"', /^0?[0-7]{3}$/),
});
const credential: Check = {
  json: credentialTable.json,
  issues(raw) {
    const issues = credentialTable.issues(raw);
    if (issues.length > 0 || !isTable(raw)) return issues;
    const [bundle, host, container] = [raw.bundle, raw.host, raw.container].map(
      said => said !== undefined && said !== '',
    );
    const fits = bundle ? !host && !container : host && container;
    return fits ? [] : [{ path: [], message: "needs either 'bundle', or 'host' and 'container'" }];
  },
};
const port = table(
  {
    name: line('a name of letters, digits, "_" and "-"', /^[A-Za-z][A-Za-z0-9_-]{0,31}$/),
    container: integer(1, 65535),
    host: integer(0, 65535),
    listen: line('an address', /^[0-9A-Fa-f.:]+$/),
  },
  ['name', 'container'],
);

/** `false` is what is done anyway. */
function shifted(raw: unknown): Issue[] {
  const mounts = Array.isArray(raw) ? raw : [];
  const message = 'not used here: owners are mapped by raw.idmap, as for the workspace';
  return mounts.flatMap((one, index) =>
    isTable(one) && one.shift === true ? [{ path: [index, 'shift'], message }] : [],
  );
}

const tighter = (why: string) => ({ project: { rule: 'tighten' as const, why, allows: notAbove } });
const limit = tighter(MORE);
const amount = { ...limit, read: incusForm };

/** What is shared with a slot, what is protected from it, and how much it may use. */
export const SECURITY_KEYS: KeySpec[] = [
  key('mounts', list(mount), [], 'Host folders that are seen inside.', {
    join: 'append',
    read: readMounts,
    project: askMounts,
    unusedParts: shifted,
  }),
  key('sockets', list(socket), [], 'Host sockets that are seen inside.', {
    join: 'append',
    read: readSockets,
    project: askSockets,
  }),
  key('credentials', list(credential), [], 'Credential files that are copied in.', {
    join: 'append',
    read: readCredentials,
    project: askCredentials,
  }),
  key('ports.pool', integer(0, 10), 0, 'Ports that each slot gets.', { project: askPool }),
  key('ports.map', list(port), [], 'Ports by name.', { join: 'by-name', read: readPorts, project: askPorts }),

  key('security.protection', oneOf('locked', 'weak', 'off'), 'locked', 'How firmly protected paths are held.', {
    project: upTo(['off', 'weak', 'locked'], WEAKER),
  }),
  key(
    'security.protected_paths',
    list(insideWorkspace()),
    [
      '.git/hooks',
      '.git/config',
      '.git/config.worktree',
      '.git/info/attributes',
      '.git/modules',
      '.husky',
      '.vscode',
      '.cursor',
      '.devcontainer',
      '*.code-workspace',
      '.mcp.json',
      '.envrc',
      '.coi',
      '.coi.toml',
      '.claude/settings.json',
      '.claude/settings.local.json',
      '.codex/config.toml',
      '.gemini/settings.json',
      'opencode.json',
      'opencode.jsonc',
    ],
    'Paths that are read-only inside. With `*` in its last part, one means what is there when a slot opens.',
    { emptyIsUnset: true, project: never(WEAKER) },
  ),
  key('security.additional_protected_paths', list(insideWorkspace()), [], 'More of them.', { join: 'union' }),
  key('security.writable_paths', list(insideWorkspace()), [], 'Exceptions.', { join: 'union', project: never(WEAKER) }),
  key('security.disable_protection', flag(), false, 'No protected paths at all.', { project: only(false, WEAKER) }),
  key('security.host_immutable', flag(), true, 'Make protected files immutable on the host.', {
    project: never(WEAKER, value => value === true),
  }),
  key('security.secret_paths', list(insideWorkspace()), [], 'Globs of what is seen as empty inside.', {
    join: 'union',
  }),
  key('security.reduce_kernel_surface', flag(), false, 'Deny system calls that escapes use.', {
    project: never(SURFACE, value => value === true),
  }),
  key('security.reduce_kernel_surface_strict', flag(), false, 'Deny more of them.', {
    project: never(SURFACE, value => value === true),
  }),

  key('limits.cpu.count', cpuCount(), '', 'CPUs.', limit),
  key('limits.cpu.allowance', cpuAllowance(), '', 'Share of CPU time.', limit),
  key('limits.cpu.priority', integer(0, 10), 0, 'Weight against other slots.', limit),
  key('limits.memory.limit', sizeOrPercent(), '', 'Memory.', amount),
  key('limits.memory.enforce', oneOf('hard', 'soft', ''), 'soft', 'Whether the limit is hard.', {
    project: upTo(['soft', 'hard'], MORE),
  }),
  key('limits.memory.swap', swap(), 'true', 'Whether it may swap.', amount),
  key('limits.disk.read', rate(), '', 'Rate of reading.', amount),
  key('limits.disk.write', rate(), '', 'Rate of writing.', amount),
  key('limits.disk.max', rate(), '', 'Rate of both.', amount),
  key('limits.disk.priority', integer(0, 10), 0, 'Weight against other slots.', limit),
  key('limits.disk.size', size(), '', 'Size of the root disk.', amount),
  key('limits.disk.tmpfs_size', size(), '', 'Size of /tmp in memory.', amount),
  key('limits.runtime.max_duration', duration(), '', 'Time until the session ends.', limit),
  key('limits.runtime.max_processes', integer(0), 0, 'Processes.', limit),
  key('limits.runtime.auto_stop', flag(), true, 'Stop when the time is over.', { project: only(true, MORE) }),
  key('limits.runtime.stop_graceful', flag(), true, 'Stop gracefully.'),
];
