import { join } from 'node:path';
import type { Held } from './fold.ts';
import { SCHEMA } from './schema.ts';
import type { ConfigKey } from './values.ts';

/** Defaults that lie in the user's home, below ~/.coi. */
const IN_HOME: Readonly<Partial<Record<ConfigKey, string>>> = {
  'paths.sessions_dir': 'sessions',
  'paths.storage_dir': 'storage',
  'paths.logs_dir': 'logs',
  'network.logging.path': 'logs/network.log',
  'detection.gtfobins_dir': 'gtfobins',
  'detection.sigma_dir': 'sigma',
};

/** The built-in value of each key. */
export function defaultsFor(home: string): Map<ConfigKey, Held> {
  return new Map(
    [...SCHEMA.values()].map(({ key, default: value }): [ConfigKey, Held] => {
      const below = IN_HOME[key];
      return [key, { value: below === undefined ? value : join(home, '.coi', below), origin: { kind: 'default' } }];
    }),
  );
}
