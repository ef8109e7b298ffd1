import type { Slot } from '../../server/protocol/types.ts';
import { tagSet } from '../model/tags.ts';
import type { Row } from './rows.ts';
import { plain } from './text.ts';

/** Where only we mount something. */
const OURS = /^\/(home\/code\/\.incus-agents|var\/lib\/incus-agents)\//;

/** One fact of a container, under a key that stays the same while the value changes. */
export interface Fact {
  readonly key: string;
  readonly label: string;
  readonly value: string;
  readonly icon: string;
}

/** What is worth showing of a container, in a fixed order. */
export function factsOf(slot: Slot): Fact[] {
  const facts: (Fact | false)[] = [
    { key: 'image', label: 'Image', value: slot.image, icon: 'package' },
    slot.profile !== undefined && { key: 'profile', label: 'Profile', value: slot.profile, icon: 'symbol-namespace' },
    { key: 'life', label: 'Lifetime', value: lifetimeOf(slot), icon: 'pulse' },
    { key: 'network', label: 'Network', value: slot.network, icon: 'globe' },
    slot.ip !== undefined && { key: 'ip', label: 'Address', value: slot.ip, icon: 'radio-tower' },
    { key: 'protection', label: 'Protected paths', value: slot.protection, icon: 'shield' },
    ...slot.mounts.filter(isAskedFor(slot)).map(mount => ({
      key: `mount:${mount.path}`,
      label: plain(mount.path, 120),
      value: `${mount.source}${mount.readonly ? ' (read-only)' : ''}`,
      icon: 'folder-library',
    })),
    ...Object.entries(slot.limits ?? {}).map(([key, value]) => ({
      key: `limit:${key}`,
      label: limitName(key),
      value,
      icon: 'dashboard',
    })),
    ...(slot.shared ?? []).map(what => ({ key: `shared:${what}`, label: 'Shared', value: what, icon: 'key' })),
  ];
  return facts.filter(fact => fact !== false);
}

/** What becomes of the container when its slot is closed. */
export function lifetimeOf({ persistent }: Slot): string {
  return persistent ? 'persistent: kept when closed' : 'ephemeral: deleted when closed';
}

/** The workspace and what the configuration mounts: not the conversation, signals and the like, which each slot has. */
export function isAskedFor(slot: Slot): (mount: Slot['mounts'][number]) => boolean {
  const { session } = slot;
  const held = session === undefined ? undefined : `/${session}/`;
  return ({ source, path }) => !OURS.test(path) && (held === undefined || !source.includes(held));
}

/** The row of a fact; an unknown key (the fact is gone by now) gives an empty one. */
export function factRow(slot: Slot, key: string): Row {
  const fact = factsOf(slot).find(each => each.key === key);
  if (fact === undefined) return { label: '', tags: tagSet('fact'), spoken: '' };
  const value = plain(fact.value, 120);
  return {
    label: fact.label,
    description: value,
    icon: { id: fact.icon },
    tags: tagSet('fact'),
    spoken: `${fact.label}: ${value}`,
  };
}

function limitName(key: string): string {
  const name = plain(key.replace(/^limits\./, ''), 40);
  return `Limit ${name}`;
}
