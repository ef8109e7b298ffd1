import { type Check, list, text } from './check.ts';

/** Name of an environment variable. */
export const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Name of a profile, which is a directory's name too. */
export const PROFILE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const SIZE = /^\d+(\.\d+)?\s*(B|kB|MB|GB|TB|PB|KiB|MiB|GiB|TiB|PiB)?$/;

export const line = (what: string, pattern = /^[^\0-\x1f\x7f]+$/): Check => text({ pattern, what });
export const words = (): Check => list(line('text without line breaks'));
/** Shell text, which may have several lines. */
export const commands = (): Check => list(text({ empty: false, what: 'a command' }));
/** A path on the host: absolute, from the home by `~`, or relative to what the key says. */
export const hostPath = (): Check => line('a path');
/** A path inside the container. */
export const insidePath = (): Check =>
  text({ pattern: /^\/[^\0-\x1f\x7f]*$/, what: 'an absolute path inside the container', empty: false });
export const name = (what: string): Check => line(what, /^[A-Za-z0-9][A-Za-z0-9._:/+-]{0,254}$/);
export const duration = (): Check => line('a duration such as "30s" or "1h30m"', /^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/);
export const size = (): Check => line('a size such as "2GiB"', SIZE);
export const sizeOrPercent = (): Check =>
  line('a size such as "2GiB" or "50%"', new RegExp(`${SIZE.source}|^\\d{1,3}%$`));
export const swap = (): Check => line('"true", "false" or a size', new RegExp(`${SIZE.source}|^(true|false)$`));
/** Throughput; coi before 0.9 wanted "/s" behind it. */
export const rate = (): Check =>
  line('a rate such as "10MiB" or "1000iops"', /^\d+(\.\d+)?\s*(B|kB|MB|GB|KiB|MiB|GiB)?(\/s)?$|^\d+iops$/);
export const cpuCount = (): Check =>
  line('a number of CPUs such as "2" or a set such as "0-3" or "0,1,3"', /^\d+(-\d+)?(,\d+(-\d+)?)*$/);
export const cpuAllowance = (): Check =>
  line('a share such as "50%" or a time such as "25ms/100ms"', /^\d{1,3}%$|^\d+ms\/\d+ms$/);
export const ipv4 = (): Check =>
  text({ pattern: /^((25[0-5]|2[0-4]\d|1?\d?\d)(\.|$)){4}$/, what: 'an IPv4 address', empty: false });
export const hostname = (): Check =>
  text({
    pattern: /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i,
    what: 'a host name',
    empty: false,
  });

const LABEL = '[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const PORTS = '(:\\d{1,5}(-\\d{1,5})?(,\\d{1,5}(-\\d{1,5})?)*)?';

/** An entry of the allow-list: host, `*.` wildcard, IPv4 or IPv6 (in brackets) address, CIDR; each with optional ports. */
export const destination = (): Check =>
  text({
    pattern: new RegExp(
      `^((\\*\\.)?${LABEL}(\\.${LABEL})*|\\d{1,3}(\\.\\d{1,3}){3}(/\\d{1,2})?|\\[[0-9A-Fa-f:]+\\](/\\d{1,3})?)${PORTS}$`,
    ),
    what: 'a host such as "example.org", "*.example.org" or "example.org:443", an address or a CIDR',
    empty: false,
  });

/** A path below the workspace. */
export const insideWorkspace = (): Check =>
  text({
    pattern: /^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\0-\x1f\x7f]+$/,
    what: 'a path relative to the workspace, without ".."',
    empty: false,
  });
