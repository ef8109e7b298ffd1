const BYTES: Record<string, number> = {
  '': 1,
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  PB: 1e15,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
};
const SECONDS: Record<string, number> = { ns: 1e-9, us: 1e-6, µs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

interface Magnitude {
  kind: string;
  amount: number;
}

/** Bytes of a size such as "2GiB", or undefined for anything else. */
export function bytesOf(said: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)(?:\/s)?$/.exec(said);
  const unit = match === null ? undefined : BYTES[match[2] ?? ''];
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** From the largest to the smallest, for what is to stay whole. */
const BINARY = ['PiB', 'TiB', 'GiB', 'MiB', 'KiB', 'B'] as const;

/**
 * A limit as Incus takes it, which knows neither fractions nor blanks, nor the "/s" of earlier coi versions: "1.5 GiB/s" is "1536MiB".
 * What is no size stays as it is.
 */
export function incusForm(said: unknown): unknown {
  if (typeof said !== 'string') return said;
  const tight = said.replace(/\/s$/, '').replace(/\s+/g, '');
  const bytes = tight.includes('.') ? bytesOf(tight) : undefined;
  if (bytes === undefined) return tight;
  const whole = Math.ceil(bytes);
  const unit = BINARY.find(one => whole >= (BYTES[one] ?? 1) && whole % (BYTES[one] ?? 1) === 0) ?? 'B';
  return `${whole / (BYTES[unit] ?? 1)}${unit}`;
}

/** Seconds of a Go duration such as "1h30m", or undefined for anything else. */
export function secondsOf(said: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(said)) return undefined;
  let total = 0;
  for (const [, amount, unit] of said.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    total += Number(amount) * (SECONDS[unit ?? ''] ?? Number.NaN);
  return total;
}

/**
 * Whether a limit is not above another. No limit is above every limit; what cannot be compared counts as above, and so does nothing of
 * a thing ("0s", "0GiB"), which the kernel and Incus take for no limit.
 */
export function notAbove(value: unknown, current: unknown): boolean {
  if (value === current) return true;
  if (current === '' || current === 0) return true;
  if (value === 'false') return current === 'true' || magnitude(current)?.kind === 'bytes';
  const said = magnitude(value);
  if (said === undefined || !(said.amount > 0)) return false;
  if (current === 'true') return true;
  const held = magnitude(current);
  return held !== undefined && said.kind === held.kind && said.amount <= held.amount;
}

function magnitude(value: unknown): Magnitude | undefined {
  if (typeof value === 'number') return { kind: 'number', amount: value };
  if (typeof value !== 'string') return undefined;
  const percent = /^(\d+)%$/.exec(value);
  if (percent !== null) return { kind: 'percent', amount: Number(percent[1]) };
  const iops = /^(\d+)iops$/.exec(value);
  if (iops !== null) return { kind: 'iops', amount: Number(iops[1]) };
  const time = /^(\d+)ms\/(\d+)ms$/.exec(value);
  // A share in percent holds only while others want the processor too; one in time holds always.
  if (time !== null) return { kind: 'time', amount: Number(time[1]) / Number(time[2]) };
  const seconds = secondsOf(value);
  if (seconds !== undefined) return { kind: 'seconds', amount: seconds };
  const bytes = bytesOf(value);
  return bytes === undefined ? undefined : { kind: 'bytes', amount: bytes };
}
