import { Failure } from '../base/errors.ts';
import type { EffectiveConfig } from '../config/types.ts';
import type { ConfigProblem } from '../protocol/types.ts';
import { type Preset, type PresetHosts, presetHosts } from '../registries/hosts.ts';

/** Where a client says which registry it uses. */
const CONFIGURED: Readonly<Record<Preset, string>> = {
  npm: '`registry` or `@scope:registry` in ~/.npmrc',
  pip: '`index-url` in ~/.config/pip/pip.conf',
  apt: '/etc/apt/sources.list',
};

/**
 * The hosts of the presets that the configuration names, as the user's own clients are configured at this moment. Fails with `config`
 * for a preset without any, where the allow-list needs them.
 */
export async function presetAllow(config: EffectiveConfig, home: string, workspace: string): Promise<string[]> {
  const found = await Promise.all(
    config.get('network.presets').map(async preset => {
      const one = await presetHosts(preset, { home, workspace });
      if (one.hosts.length === 0 && config.get('network.mode') === 'allowlist') throw noHosts(preset, one);
      return one.hosts;
    }),
  );
  return [...new Set(found.flat())];
}

/** What is to say about the presets in force, at the place that names them. */
export async function presetProblems(
  config: EffectiveConfig,
  home: string,
  workspace: string,
): Promise<ConfigProblem[]> {
  if (config.get('network.mode') !== 'allowlist') return [];
  const { kind, path, line } = config.origin('network.presets');
  const place = { path: path ?? (kind === 'setting' ? 'settings.json' : ''), line: line ?? 1, column: 1 };
  const found = config.get('network.presets').map(async (preset): Promise<ConfigProblem[]> => {
    const one = await presetHosts(preset, { home, workspace });
    if (one.hosts.length > 0)
      return one.refused.map(why => ({ ...place, severity: 'warning', message: `The preset ${preset}: ${why}.` }));
    const { message, hint } = noHosts(preset, one);
    return [{ ...place, severity: 'error', message: `${message} ${hint}` }];
  });
  return (await Promise.all(found)).flat();
}

function noHosts(preset: Preset, { refused }: PresetHosts): Failure {
  const why = refused.length === 0 ? `your ${preset} is not configured with any` : refused.join('; ');
  return new Failure('config', `The preset ${preset} of [network] presets has no host: ${why}.`, {
    hint: `Name the host in \`[network] allowed_domains\`, or configure ${preset} with it: ${CONFIGURED[preset]}.`,
  });
}
