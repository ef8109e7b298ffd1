import { randomInt } from 'node:crypto';
import { Failure } from '../base/errors.ts';
import { optional } from './parse.ts';
import type { ExecOptions } from './types/exec.ts';

/** Incus runs larger ids as root. */
const ID_LIMIT = 2 ** 31;

/**
 * Sets the mark, then becomes the command. The mark is a limit on file locks (dash and busybox: -w, bash: -x), which the kernel has
 * not enforced since Linux 2.4: every descendant inherits it, through setsid, sudo and `env -i`, and nothing inside can raise it.
 */
const MARK = 'n=$1; shift; ulimit -w "$n" 2>/dev/null || ulimit -x "$n" 2>/dev/null; exec "$@"';

/**
 * Kills what bears the mark until nothing alive does (what forks meanwhile is seen the next time round). $1 is the mark.
 * Dead ones that nobody collects still show their limits, so they are left out.
 */
const KILL = `i=0
while [ $i -lt 100 ]; do
  left=
  for f in $(grep -l "^Max file locks  *$1 " /proc/[0-9]*/limits 2>/dev/null); do
    p=\${f#/proc/}; p=\${p%/limits}
    grep -q '^State:[[:space:]]*[ZX]' /proc/$p/status 2>/dev/null || left="$left $p"
  done
  [ -z "$left" ] && exit 0
  kill -9 $left 2>/dev/null
  i=$((i+1))
done
echo $left >&2
exit 1`;

/** A number that no other process inside is limited to. */
export function newMark(): number {
  return 2 ** 47 + randomInt(2 ** 47);
}

/** The argv that runs the command with its mark, in a session of its own unless it gets a terminal (which makes one). */
export function markedCommand(argv: readonly string[], mark: number, ownSession: boolean): string[] {
  return ['/bin/sh', '-c', MARK, 'sh', String(mark), ...(ownSession ? ['setsid', '--'] : []), ...argv];
}

/** The argv, for root, that ends everything with the mark. */
export function killCommand(mark: number): string[] {
  return ['/bin/sh', '-c', KILL, 'sh', String(mark)];
}

/** Refuses what Incus would take in another sense than meant, then gives the body of the request. */
export function execBody(
  command: readonly string[],
  o: ExecOptions & { tty?: { cols: number; rows: number } },
): unknown {
  return {
    command,
    'wait-for-websocket': true,
    interactive: o.tty !== undefined,
    environment: o.env ?? {},
    cwd: o.cwd ?? '/',
    user: id('user', o.user),
    group: id('group', o.group),
    ...optional('width', o.tty?.cols),
    ...optional('height', o.tty?.rows),
  };
}

/** Checks the argv of a caller. */
export function checkArgv(argv: readonly string[]): void {
  const first = argv[0];
  if (first === undefined || first === '') throw invalid('there is no command to run');
  if (first.startsWith('-')) throw invalid(`a command cannot begin with "-" (${first})`);
  if (argv.some(argument => argument.includes('\0'))) throw invalid('an argument contains a NUL character');
}

function id(name: string, value = 0): number {
  if (Number.isInteger(value) && value >= 0 && value < ID_LIMIT) return value;
  throw invalid(`${name} must be a number from 0 to ${ID_LIMIT - 1}, not ${value}`);
}

function invalid(why: string): Failure {
  return new Failure('invalid', `Running a command in a container failed: ${why}.`, { hint: 'Correct the request.' });
}
