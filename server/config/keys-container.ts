import { askCommands, askImage, askRedirects, askVariables } from './asks.ts';
import { flag, integer, list, map, oneOf, text } from './check.ts';
import { commands, duration, hostPath, line, name, PROFILE, VARIABLE, words } from './forms.ts';
import { isWithin, readPath } from './paths.ts';
import { type KeySpec, key, never } from './spec.ts';

const SELECTS = 'it selects the whole environment of a session';
const WRITES = 'it says where files are written on the host';
/** Seconds that a project may have a stop take: whoever waits for one wants it to end. */
const LONGEST_STOP = 600;
const HOST = 'it is about the host, not about the project';

/** What a container is made from, what it gets, and where things lie. */
export const CONTAINER_KEYS: KeySpec[] = [
  key('maxSlots', integer(1, 50), 10, 'Slots that one workspace may have.', { project: never(HOST) }),

  key('container.image', name('the name of an image'), 'coi-default', 'Image that a container starts from.', {
    project: askImage,
  }),
  key('container.persistent', flag(), false, 'Keep the container when its session is closed.'),
  key('container.shutdown_timeout', integer(0, 86400), 60, 'Seconds for a graceful stop.', {
    emptyIsUnset: true,
    project: {
      rule: 'tighten',
      why: `a project may ask for ${LONGEST_STOP} seconds at most`,
      allows: value => Number(value) <= LONGEST_STOP,
    },
  }),
  key('container.ready_timeout', integer(0, 86400), 30, 'Seconds until a container must answer.', {
    emptyIsUnset: true,
    unused: 'not used here: opening a slot shows how far it is, and is cancelled by hand',
  }),
  key('container.storage_pool', name('the name of a storage pool'), '', 'Pool of the root disk.', {
    project: never(HOST),
  }),
  key(
    'container.alias',
    line('a name of letters, digits, "_" and "-"', /^[a-zA-Z][a-zA-Z0-9_-]{0,63}$/),
    '',
    'Friendly name of the container.',
    { unused: true },
  ),
  key('container.stale_base_check', oneOf('error', 'warn', 'off'), 'warn', 'What to do when the base image is newer.', {
    unused: true,
  }),
  key(
    'container.session_name',
    line('a name of letters, digits, ".", "_" and "-"', /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$/),
    '',
    'Identity that does not depend on the path.',
    { project: never('it selects which session a workspace is attached to'), unused: true },
  ),
  key('container.docker', flag(), true, 'Let containers run inside.', {
    project: {
      rule: 'tighten',
      why: 'it widens what the container reaches in the kernel',
      allows: value => value === false,
    },
  }),
  key('container.build.base', name('the name of an image'), '', 'Image that a build starts from.'),
  key('container.build.script', hostPath(), '', 'Build script, relative to the file.', {
    read: readPath,
    project: {
      rule: 'tighten',
      why: 'it is outside the workspace',
      allows: (value, _current, place) => value === '' || isWithin(String(value), place.workspace),
    },
  }),
  key('container.build.commands', commands(), [], 'Build commands.'),
  key(
    'container.build.compression',
    line('the name of a compression', /^[a-z0-9][a-z0-9 -]{0,31}$/),
    '',
    'Compression of a built image.',
  ),
  key('container.build.agents', words(), [], 'Agents that a built image has.', { emptyIsUnset: true }),
  key('container.build.cloud_init', flag(), false, 'Keep cloud-init in a built image.'),

  key('defaults.profile', line('the name of a profile', PROFILE), '', 'Profile that holds unless one is named.', {
    project: never(SELECTS),
  }),
  key('defaults.forward_env', list(line('the name of a variable', VARIABLE)), [], 'Host variables to pass on.', {
    join: 'union',
    project: askVariables,
  }),
  key('defaults.environment', map(VARIABLE, 'a variable', text()), {}, 'Variables inside.', {
    join: 'merge',
    project: askRedirects,
  }),
  key('defaults.env_commands', map(VARIABLE, 'a variable', text()), {}, 'Variables from the output of host commands.', {
    join: 'merge',
    project: askCommands,
  }),
  key('defaults.env_command_timeout', duration(), '30s', 'Time for one of these commands.', {
    project: never('it is about commands on the host'),
  }),

  key('paths.sessions_dir', hostPath(), '', 'Base of the session folders.', {
    read: readPath,
    project: never(WRITES),
    unused: 'not used here: sessions are read and kept in ~/.coi, and those in another folder are not seen',
  }),
  key('paths.storage_dir', hostPath(), '', 'Folder of stored data.', {
    read: readPath,
    project: never(WRITES),
    unused: true,
  }),
  key('paths.logs_dir', hostPath(), '', 'Folder of logs.', { read: readPath, project: never(WRITES), unused: true }),
  key('paths.preserve_workspace_path', flag(), false, 'Mount the workspace at its own path.'),

  key('incus.project', name('the name of an Incus project'), 'default', 'Incus project.', { project: never(HOST) }),
  key('incus.socket', hostPath(), '', 'Socket of the Incus daemon.', { read: readPath, project: never(HOST) }),
  key('incus.group', name('the name of a group'), 'incus-admin', 'Group that may use Incus.', {
    project: never(HOST),
    unused: 'not used here: whoever may use the socket may use Incus',
  }),
  key('incus.code_uid', integer(0, 65533), 1000, 'Uid of the user inside.', {
    emptyIsUnset: true,
    project: never('it decides whose files the container writes'),
  }),
  key('incus.code_user', line('a user name', /^[a-z_][a-z0-9_-]{0,31}$/), 'code', 'User inside.', {
    project: never('it decides whose files the container writes'),
  }),
  key('incus.disable_shift', flag(), false, 'Use raw.idmap in place of shifted mounts.', {
    project: never(HOST),
    unused: 'not needed here: owners are always mapped by raw.idmap',
  }),

  key('shell.use_tmux', flag(), true, 'Run the agent inside tmux.', { unused: true }),
  key('timezone.mode', oneOf('host', 'fixed', 'utc'), 'host', 'Time zone inside.'),
  key('timezone.name', line('a time zone such as "Europe/Berlin"', /^[A-Za-z0-9_+/-]{1,64}$/), '', 'Fixed time zone.'),
  key('context', hostPath(), '', 'Markdown of a profile for the agent.', {
    read: readPath,
    project: {
      rule: 'tighten',
      why: "it is outside the profile's folder",
      allows: (value, _current, place) => value === '' || isWithin(String(value), place.directory),
    },
  }),
];
