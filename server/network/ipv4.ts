/** Addresses and networks of IPv4, as numbers below 2^32. */
export interface Cidr {
  first: number;
  /** Number of leading bits, 0 to 32. */
  bits: number;
}

/** The number of a dotted address; undefined for anything else, also for short and octal forms. */
export function parseAddress(text: string): number | undefined {
  if (!/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) return undefined;
  const parts = text.split('.').map(Number);
  return parts.some(part => part > 255) ? undefined : parts.reduce((sum, part) => sum * 256 + part, 0);
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map(shift => (address >>> shift) & 255).join('.');
}

/** A network, or one address as a network of 32 bits. Host bits are cut off. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length = '32', ...more] = text.split('/');
  const number = parseAddress(address);
  if (number === undefined || more.length > 0 || !/^\d{1,2}$/.test(length) || Number(length) > 32) return undefined;
  const bits = Number(length);
  return { first: number - (number % 2 ** (32 - bits)), bits };
}

export function formatCidr({ first, bits }: Cidr): string {
  return bits === 32 ? formatAddress(first) : `${formatAddress(first)}/${bits}`;
}

/** How many addresses it has. */
export function sizeOf({ bits }: Cidr): number {
  return 2 ** (32 - bits);
}

export function contains(network: Cidr, address: number): boolean {
  return address >= network.first && address < network.first + sizeOf(network);
}

/** Whether the two have an address in common. */
export function overlaps(a: Cidr, b: Cidr): boolean {
  return contains(a, b.first) || contains(b, a.first);
}
