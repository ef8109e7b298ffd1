import type { CredentialEntry, MountEntry, PortEntry, SocketEntry } from './entries.ts';
import { goQuote as q } from './go-quote.ts';
import { leaves } from './real-path.ts';
import type { Ask, Place, ProjectRule } from './spec.ts';

/** The lines are those of coi's fingerprint, so that each accepts what was approved in the other. */
function perEntry<T>(ask: (entry: T, place: Place) => Ask): Extract<ProjectRule, { rule: 'ask' }> {
  const entries = (value: unknown): T[] => (Array.isArray(value) ? value : []);
  return {
    rule: 'ask',
    asks: (value, _current, place) => entries(value).map(entry => ask(entry, place)),
    take: (value, may, _current, place) => entries(value).filter(entry => may(ask(entry, place).line)),
  };
}

/**
 * Mounts. coi asks only for those that lead out of the workspace; one of a folder inside is asked for here,
 * because it would show a protected path a second time without its protection.
 */
export const askMounts = perEntry<MountEntry>((entry, place) => ({
  kind: 'mount',
  what: `${entry.readonly ? 'Read' : 'Read and write'} ${q(entry.host)} at ${q(entry.container)}`,
  line: `mount:${q(entry.host)}|${q(entry.container)}|${entry.readonly}|shift=${entry.shift ?? 'unset'}`,
  coi: leaves(entry.host, place.workspace),
}));

/** Sockets. */
export const askSockets = perEntry<SocketEntry>(entry => ({
  kind: 'socket',
  what: `Use the socket ${q(entry.host)} at ${q(entry.container)}${entry.env === '' ? '' : `, with its place in ${q(entry.env)}`}`,
  line: `socket:${q(entry.host)}|${q(entry.container)}|${q(entry.env)}`,
  coi: true,
}));

/** Credential files; coi does not ask for a bundle. */
export const askCredentials = perEntry<CredentialEntry>(entry =>
  entry.bundle === ''
    ? {
        kind: 'credential',
        what: `Copy ${q(entry.host)} to ${q(entry.container)}`,
        line: `credential:${q(entry.host)}|${q(entry.container)}|${q(entry.mode)}`,
        coi: true,
      }
    : {
        kind: 'credential',
        what: `Copy your login files of ${q(entry.bundle)}`,
        line: `bundle:${q(entry.bundle)}`,
        coi: false,
      },
);

/** Ports by name. Beyond this computer only the user's own configuration opens one, whatever is approved. */
export const askPorts: ProjectRule = {
  rule: 'ask',
  asks: (value, _current, place) => ports.asks(value, undefined, place),
  take: (value, may, _current, place) => {
    const taken = ports.take(value, may, undefined, place);
    return Array.isArray(taken) ? taken.filter((entry: PortEntry) => staysHere(entry.listen)) : taken;
  },
};

const staysHere = (listen: string): boolean => listen === '' || /^127\.|^::1$/.test(listen);

const ports = perEntry<PortEntry>(entry => ({
  kind: 'port',
  what: `Listen on ${entry.listen === '' ? '127.0.0.1' : entry.listen}:${entry.host === 0 ? '(chosen)' : entry.host} of this computer for port ${entry.container} (${entry.name})${staysHere(entry.listen) ? '' : ', which only your own configuration can allow'}`,
  line: `port:${q(entry.name)}|${entry.container}|${entry.host}|${q(entry.listen)}`,
  coi: true,
}));

/** A pool of ports. */
export const askPool: ProjectRule = {
  rule: 'ask',
  asks: value => (typeof value === 'number' && value > 0 ? [pool(value)] : []),
  take: (value, may) => (typeof value === 'number' && value > 0 && may(pool(value).line) ? value : undefined),
};

function pool(count: number): Ask {
  return {
    kind: 'port-pool',
    what: `Listen on ${count} ports of this computer`,
    line: `port-pool:${count}`,
    coi: true,
  };
}
