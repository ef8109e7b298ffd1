import type { ConfigKey } from './values.ts';

const BUILD: Readonly<Record<string, ConfigKey>> = {
  'build.base': 'container.build.base',
  'build.script': 'container.build.script',
  'build.commands': 'container.build.commands',
};

/** Names of keys that coi had before 0.8, and what they are now; by the kind of file. */
export const RENAMED: Readonly<Record<'config' | 'profile', Readonly<Record<string, ConfigKey>>>> = {
  config: {
    ...BUILD,
    'defaults.image': 'container.image',
    'defaults.persistent': 'container.persistent',
    'defaults.model': 'tool.claude.model',
    'incus.claude_uid': 'incus.code_uid',
  },
  profile: { ...BUILD, image: 'container.image', persistent: 'container.persistent' },
};
