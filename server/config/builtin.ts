import type { Layer } from './layer.ts';
import type { Place } from './spec.ts';
import type { ConfigKey } from './values.ts';

/** Globs that the hardened profile hides. */
const SECRET_GLOBS = [
  '.env',
  '*.pem',
  '*.key',
  '*.p12',
  'id_rsa',
  'id_ed25519',
  '.npmrc',
  '.netrc',
  '.git-credentials',
  'credentials.json',
  'service_account.json',
  'kubeconfig',
  'database.yml',
  '*.tfvars',
  '*.tfstate',
  'secrets/**',
];

/** Profiles that are always there, as coi has them: `default` changes nothing. */
const BUILT_IN: Readonly<Record<string, readonly [ConfigKey, unknown][]>> = {
  default: [],
  hardened: [
    ['container.persistent', false],
    ['network.mode', 'restricted'],
    ['network.block_private_networks', true],
    ['network.block_metadata_endpoint', true],
    ['network.allow_local_network_access', false],
    ['ssh.forward_agent', false],
    ['security.host_immutable', true],
    ['security.secret_paths', SECRET_GLOBS],
    ['security.reduce_kernel_surface', true],
    ['container.docker', false],
    ['monitoring.enabled', true],
    ['monitoring.auto_pause_on_high', true],
    ['monitoring.auto_kill_on_critical', true],
    ['monitoring.nft.enabled', true],
    ['limits.runtime.max_duration', '4h'],
  ],
};

/** Names of the built-in profiles. */
export const BUILT_IN_NAMES: readonly string[] = Object.keys(BUILT_IN);

/** A built-in profile as a layer. */
export function builtInLayer(name: string, place: Place): Layer | undefined {
  const values = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined;
  if (values === undefined) return undefined;
  return {
    kind: 'profile',
    project: false,
    place: { ...place, source: '' },
    entries: new Map(values.map(([key, value]) => [key, { value, at: () => undefined }])),
  };
}
