import { parseCidr } from './ipv4.ts';

/** Ports from `first` to `last`. */
export interface Ports {
  first: number;
  last: number;
}

/** One entry of an allow-list. `ports` empty means all of an address, and those of the web of a name. */
export type Destination =
  | { kind: 'name'; labels: readonly string[]; wildcard: boolean; ports: readonly Ports[] }
  | { kind: 'network'; cidr: string; ports: readonly Ports[] };

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Reads an entry such as `example.org`, `*.example.org:443`, `203.0.113.0/24:22,80-90`; undefined if it is none. */
export function parseDestination(text: string): Destination | undefined {
  const [place = '', list, ...more] = text.trim().split(':');
  const ports = list === undefined ? [] : parsePorts(list);
  if (more.length > 0 || ports === undefined) return undefined;
  const cidr = parseCidr(place);
  if (cidr !== undefined) return { kind: 'network', cidr: place, ports };
  const wildcard = place.startsWith('*.');
  const labels = parseName(wildcard ? place.slice(2) : place);
  return labels === undefined ? undefined : { kind: 'name', labels, wildcard, ports };
}

/** The labels of a host name in small letters; undefined for an address and for what no host name can be. */
export function parseName(text: string): string[] | undefined {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  const labels = name.toLowerCase().split('.');
  const last = labels.at(-1) ?? '';
  // A last label of digits only, or a hexadecimal one, is an address to some resolvers.
  if (name.length > 253 || !labels.every(label => LABEL.test(label)) || /^(\d+|0x[0-9a-f]*)$/.test(last))
    return undefined;
  return labels;
}

function parsePorts(text: string): Ports[] | undefined {
  const ports = text.split(',').map(part => {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    const first = Number(match?.[1]);
    return { first, last: match?.[2] === undefined ? first : Number(match[2]) };
  });
  return ports.every(({ first, last }) => first >= 1 && first <= last && last <= 65_535) ? ports : undefined;
}
