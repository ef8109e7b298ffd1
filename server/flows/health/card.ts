import type { Devices } from '../../incus/types/config.ts';
import type { Network } from '../../incus/types/network.ts';
import type { HealthFix } from '../../protocol/types.ts';

/** The bridge that is made for slots where there is none. */
export const BRIDGE = 'incusbr0';

/** What is known of the network cards of a project's default profile. */
export interface Cards {
  project: string;
  /** The first card, with its name in the profile. */
  card: [string, Devices[string]] | undefined;
  /** The network that it is on, where Incus manages that. */
  network: Network | undefined;
  /** Whether `BRIDGE` is there, and has IPv4. */
  bridge: 'absent' | 'no-ipv4' | 'ready';
}

/**
 * The commands that put the default profile's card on a bridge that Incus manages and that has IPv4. A card that is there is changed
 * and not removed, and nothing of it where the bridge could not be made.
 */
export function cardFix({ project, card, network, bridge }: Cards): HealthFix {
  const command = (...words: string[]) => ['incus', ...words, '--project', project].join(' ');
  const withIpv4 = (name: string) => command('network', 'set', name, 'ipv4.address=auto');
  if (card !== undefined && network?.type === 'bridge')
    return { title: `Give the bridge ${network.name} IPv4`, command: withIpv4(network.name) };
  const make = { absent: [command('network', 'create', BRIDGE)], 'no-ipv4': [withIpv4(BRIDGE)], ready: [] }[bridge];
  if (card === undefined) {
    const add = command('profile', 'device', 'add', 'default', 'eth0', 'nic', `network=${BRIDGE}`);
    return { title: 'Give the default profile a card on a bridge of Incus', command: [...make, add].join(' && ') };
  }
  const [name, device] = card;
  const gone = ['nictype', 'parent'].filter(option => device[option] !== undefined).map(option => `${option}=`);
  const set = command('profile', 'device', 'set', 'default', name, ...gone, `network=${BRIDGE}`);
  return {
    title: `Put the card ${name} of the default profile on a bridge of Incus`,
    command: [...make, set].join(' && '),
  };
}
