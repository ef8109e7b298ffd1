import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { Failure } from '../base/errors.ts';
import { withTrustedPath } from '../base/trusted-path.ts';
import type { Devices } from '../incus/types/config.ts';

/** A socket of the host that configuration shares with a slot, and the variable that names it inside (or ''). */
export interface SocketWish {
  host: string;
  container: string;
  env: string;
}

/** One that may be shared. */
export interface SharedSocket extends SocketWish {
  /** Who connects to it on the host: the user, never root on the user's behalf. */
  uid: number;
  gid: number;
}

export interface SocketOptions {
  /** Where agents can write: a socket there could be exchanged for a link to any other. Absolute and real. */
  hostile: readonly string[];
  /** Own directories of the backend and of Incus. */
  stateDirs: readonly string[];
  /** The socket of Incus. */
  incusSocket: string;
  /** Ids of the backend's process, and the groups that it is in besides. */
  uid: number;
  gid: number;
  groups: readonly number[];
  /** Places inside that belong to a mount or to us. */
  taken: readonly string[];
}

/** Places inside where no socket can be, with all below. */
const REFUSED_INSIDE = ['/proc', '/sys', '/dev', '/etc', '/usr', '/bin', '/sbin', '/lib', '/lib64', '/boot'];

/** Longest path of a unix socket in bytes, see unix(7). */
const LONGEST = 107;

/** Sockets by which whoever talks to them runs what he likes on this computer, or sees and types what the user does. */
const TAKES_OVER: readonly [RegExp, string][] = [
  [/\/(docker|podman|containerd|crio|buildkitd|nerdctl)[^/]*\.sock$|\/containerd\//, 'runs containers as root here'],
  [/^\/(run|var)\/(.*\/)?(incus|lxd)[/.]/, 'runs containers as root here'],
  [/^\/(run|var)\/(.*\/)?(libvirt|systemd|dbus)\/|^\/run\/user\/\d+\/bus$|\/dbus-[^/]+$/, 'starts programs here'],
  [/\/tmux-\d+\/|\/screens?\/|\/vscode-(ipc|git)-/, 'types commands here'],
  [/\/\.X11-unix\/|\/wayland-\d+$/, 'sees and controls your screen'],
];

/** Looks at a socket that configuration asks for. Fails with `config`, `isolation`, `not-found` or `permission`. */
export async function planSocket(wish: SocketWish, o: SocketOptions): Promise<SharedSocket> {
  checkPlace(wish, o);
  const what = `The socket ${wish.host}`;
  return withTrustedPath(wish.host, o.hostile, what, async ({ real, stats, handle }) => {
    const reachable = o.hostile.find(directory => isBelow(real, directory));
    if (reachable !== undefined) throw refused(wish, `agents can write in ${reachable} and exchange it`);
    for (const path of [wish.host, real]) refuseByName(wish, path, o);
    if (!stats.isSocket()) throw refused(wish, 'it is no socket');
    const incus = await stat(o.incusSocket, { bigint: true }).catch(() => undefined);
    if (incus?.ino === stats.ino && incus.dev === stats.dev) throw refused(wish, 'it is that of Incus');
    await access(handle, constants.W_OK).catch(() => {
      throw new Failure('permission', `${what} may not be used by you.`, { hint: REMOVE });
    });
    const group = Number(stats.gid);
    return { ...wish, uid: o.uid, gid: o.groups.includes(group) ? group : o.gid };
  });
}

function refuseByName(wish: SocketWish, path: string, o: SocketOptions): void {
  const own = o.stateDirs.find(directory => isBelow(path, directory));
  if (own !== undefined) throw refused(wish, `${own} belongs to Incus Agents or to Incus`);
  const why = takesOver(path);
  if (why !== undefined) throw refused(wish, `whoever talks to it ${why}`);
}

/** What whoever talks to a socket of that path has of this computer, in words; undefined if nothing is known of it. */
export function takesOver(path: string): string | undefined {
  return TAKES_OVER.find(([pattern]) => pattern.test(path))?.[1];
}

function checkPlace(wish: SocketWish, o: SocketOptions): void {
  const { container: path } = wish;
  const clash = (why: string) => refused(wish, `${path} inside ${why}`, 'Choose another place inside.');
  if (!path.startsWith('/') || path === '/') throw clash('is no absolute path of a file');
  if (Buffer.byteLength(path) > LONGEST) throw clash(`has more than ${LONGEST} bytes`);
  if (REFUSED_INSIDE.some(directory => isBelow(path, directory))) throw clash('belongs to the system');
  if (o.taken.some(other => isBelow(path, other) || isBelow(other, path)))
    throw clash('belongs to a mount or to another socket');
}

/** The devices of the sockets; to be added when the container runs, since the directories that they listen in have to be there. */
export function socketDevices(sockets: readonly SharedSocket[], code: { uid: number; gid: number }): Devices {
  return Object.fromEntries(
    sockets.map(({ host, container, uid, gid }, i) => [
      `socket-${i}`,
      {
        ...{ type: 'proxy', bind: 'instance', listen: `unix:${container}`, connect: `unix:${host}` },
        ...{ uid: String(code.uid), gid: String(code.gid), mode: '0600' },
        ...{ 'security.uid': String(uid), 'security.gid': String(gid) },
      },
    ]),
  );
}

/** $1, $2: the user inside; then the sockets' paths. Those in places that are cleaned or mounted over at boot wait until that is done. */
const PREPARE = `
u=$1 g=$2; shift 2
case " $*" in *" /tmp/"*|*" /run/"*|*" /var/run/"*|*" /var/tmp/"*)
  i=0; while [ -d /run/systemd/system ] && [ $i -lt 100 ] && ! systemctl -q is-active systemd-tmpfiles-setup.service; do i=$((i+1)); sleep 0.1; done;;
esac
make() { [ -d "$1" ] || { make "\${1%/*}" && mkdir -p -- "$1" && chown "$u:$g" "$1"; }; }
for p do make "\${p%/*}" || exit 1; [ ! -S "$p" ] || rm -f -- "$p"; done`;

/** What has to be run as root inside before the devices are added. */
export function prepareSocketsArgv(sockets: readonly SharedSocket[], code: { uid: number; gid: number }): string[] {
  const paths = sockets.map(({ container }) => container);
  return ['/bin/sh', '-c', PREPARE, 'sockets', String(code.uid), String(code.gid), ...paths];
}

/** What tells programs inside where the sockets are. */
export function socketVariables(sockets: readonly SocketWish[]): Record<string, string> {
  return Object.fromEntries(sockets.flatMap(({ env, container }) => (env === '' ? [] : [[env, container]])));
}

/** For the UI and the agent. */
export function socketWords({ host, container }: SocketWish): string {
  return `the socket ${host} at ${container}`;
}

function refused({ host }: SocketWish, why: string, hint = REMOVE): Failure {
  return new Failure('config', `The socket ${host} cannot be shared: ${why}.`, { hint });
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

const REMOVE = 'Take the entry out of `[[sockets]]`.';
