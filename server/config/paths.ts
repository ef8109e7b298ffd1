import { isAbsolute, join, normalize, relative } from 'node:path';
import type { Place } from './spec.ts';

/** `~` and `$HOME` at the start stand for the home directory. */
function expandHome(path: string, home: string): string {
  const match = /^(~|\$HOME|\$\{HOME\})(?=\/|$)/.exec(path);
  return match === null ? path : join(home, path.slice(match[0].length));
}

/** An absolute, clean path; a relative one starts from `base`. Symbolic links are left as they are. */
export function absolute(path: string, base: string, home: string): string {
  const expanded = expandHome(path, home);
  const whole = isAbsolute(expanded) ? normalize(expanded) : join(base, expanded);
  return whole.length > 1 && whole.endsWith('/') ? whole.slice(0, -1) : whole;
}

/** A clean path inside the container. */
export function cleanInside(path: string): string {
  const clean = normalize(path);
  return clean.length > 1 && clean.endsWith('/') ? clean.slice(0, -1) : clean;
}

/** Whether `path` is `directory` or below it, by their text. */
export function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way));
}

/** Reads a path key: empty stays empty, the rest becomes absolute. */
export function readPath(raw: unknown, place: Place): string {
  return typeof raw === 'string' && raw !== '' ? absolute(raw, place.directory, place.home) : '';
}
