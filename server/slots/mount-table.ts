/** One line of /proc/<pid>/mountinfo, see proc_pid_mountinfo(5). */
interface Line {
  /** `major:minor` of the file system. */
  device: string;
  /** Which part of the file system. */
  root: string;
  point: string;
  readonly: boolean;
  type: string;
  /** Options of the file system, such as the size of a tmpfs. */
  options: string[];
}

/** What of the host a container has in its tree. */
export interface HostParts {
  mounts: { source: string; path: string; readonly: boolean }[];
  /** Device nodes of the host, by their path inside, but for those that every container has. */
  devices: string[];
  /** Whether the guest API of Incus is there, which tells of configuration and of paths on the host. */
  guestApi: boolean;
  /** Bytes of a /tmp that lies in memory. */
  tmpBytes?: number;
}

/** Places where a container has parts of the kernel, and what they are: its own, or made for containers. */
const KERNEL_PLACE = /^\/(proc|sys|dev)(\/|$)/;
const KERNEL_TYPE =
  /^(proc|sysfs|cgroup2?|mqueue|devpts|fuse\.lxcfs|debugfs|tracefs|securityfs|pstore|bpf|configfs|binfmt_misc|hugetlbfs|fusectl|efivarfs)$/;
const COMMON_DEVICE = /^\/dev\/(null|zero|full|random|urandom|tty)$/;

/**
 * What of the host is in a container, from the mount table of its first process and that of the host, both as the host's kernel
 * gives them. A file system that the host has not is the container's own.
 */
export function hostParts(inside: string, outside: string): HostParts {
  const lines = parse(inside);
  const host = parse(outside);
  const disk = lines.find(line => line.point === '/');
  const known = new Set(host.map(line => line.device));
  const parts: HostParts = { mounts: [], devices: [], guestApi: false };
  for (const line of lines) {
    if (line.point === '/tmp' && line.type === 'tmpfs' && !known.has(line.device)) parts.tmpBytes = sizeOf(line);
    if (line.point === '/dev/incus') parts.guestApi = true;
    if (!known.has(line.device) || isOwn(line, disk) || isKernels(line)) continue;
    const source = onHost(line, host);
    if (line.type === 'devtmpfs' || source.startsWith('/var/lib/incus/devices/')) {
      if (!COMMON_DEVICE.test(line.point)) parts.devices.push(line.point);
    } else {
      parts.mounts.push({ source, path: line.point, readonly: line.readonly });
    }
  }
  return { ...parts, mounts: widening(parts.mounts), devices: [...new Set(parts.devices)].sort() };
}

function parse(text: string): Line[] {
  return text.split('\n').flatMap(line => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , device, root, point, own] = before.split(' ');
    const [type, , ...whole] = after.split(' ');
    if (device === undefined || root === undefined || point === undefined || own === undefined || type === undefined)
      return [];
    const options = whole.join(' ').split(',');
    const readonly = own.split(',').includes('ro') || options.includes('ro');
    return [{ device, root: decode(root), point: decode(point), readonly, type, options }];
  });
}

/** Blanks and backslashes are written as octal numbers. */
function decode(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** A part of the container's own disk. */
function isOwn(line: Line, disk: Line | undefined): boolean {
  return disk !== undefined && line.device === disk.device && isBelow(line.root, disk.root);
}

function isKernels(line: Line): boolean {
  if (/^\/dev\/(\.incus-mounts|incus)(\/|$)/.test(line.point)) return true;
  return KERNEL_PLACE.test(line.point) && KERNEL_TYPE.test(line.type);
}

/** Where on the host that is: below the mount that shows the smallest part of the file system that still contains it. */
function onHost(line: Line, host: readonly Line[]): string {
  const shown = host.filter(one => one.device === line.device && isBelow(line.root, one.root));
  const outside = shown.filter(one => !isBelow(one.point, '/var/lib/incus'));
  const best = (outside.length > 0 ? outside : shown).sort(
    (a, b) => b.root.length - a.root.length || a.point.length - b.point.length,
  )[0];
  if (best === undefined) return line.root;
  const rest = best.root === '/' ? line.root : line.root.slice(best.root.length);
  return `${best.point === '/' ? '' : best.point}${rest === '/' ? '' : rest}` || '/';
}

/** Without the mounts that show what another one shows at the same place already, such as the locks of protected paths. */
function widening(mounts: HostParts['mounts']): HostParts['mounts'] {
  const same = (m: HostParts['mounts'][number], p: HostParts['mounts'][number]) =>
    p !== m &&
    p.path.length < m.path.length &&
    isBelow(m.path, p.path) &&
    m.source === `${p.source}${m.path.slice(p.path.length)}` &&
    (m.readonly || !p.readonly);
  return mounts.filter(m => !mounts.some(p => same(m, p))).sort((a, b) => (a.path < b.path ? -1 : 1));
}

function isBelow(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

/** Bytes of a tmpfs; the kernel writes KiB. */
function sizeOf(line: Line): number {
  const size = line.options.map(option => /^size=(\d+)k$/.exec(option)?.[1]).find(found => found !== undefined);
  return Number(size ?? 0) * 1024;
}
