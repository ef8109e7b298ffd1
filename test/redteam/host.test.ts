import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { type Lab, makeLab } from '../incus/flows/support.ts';
import { until } from '../incus/support.ts';
import type { TestBackend } from '../support/backend.ts';
import { type Attacker, attackAll, type Battlefield, controlAll } from './attack.ts';
import { HELPERS, ON_SLOTS, onHost, SECRET, VICTIM } from './host/attacks.ts';
import { Table } from './table.ts';

const run = promisify(execFile);
const skip = process.getuid?.() !== 0;

interface Arena {
  lab: Lab;
  backend: TestBackend;
  workspace: string;
  attacker: string;
  victim: string;
}

/** Two slots, a user with secrets, and in the other slot a process that can be hurt. */
async function arena(t: TestContext): Promise<Arena> {
  const lab = await makeLab();
  t.after(() => lab.close());
  mkdirSync(`${lab.home}/.ssh`);
  mkdirSync(`${lab.home}/agent`);
  writeFileSync(`${lab.home}/.ssh/key`, SECRET);
  const agent = createServer().listen(`${lab.home}/agent/${SECRET}`);
  t.after(() => void agent.close());
  const env = { SSH_AUTH_SOCK: `${lab.home}/agent/${SECRET}`, TOKEN: SECRET };
  const backend = await lab.backend({ env, environment: env });
  const workspace = await lab.workspace();
  const [one, two] = [await lab.open(backend, workspace), await lab.open(backend, await lab.workspace())];
  const hurt = `trap 'echo hurt >>/run/hurt' URG; echo ${SECRET} >/home/code/${VICTIM}; : >/run/ready; while :; do touch /dev/shm/${VICTIM}; sleep 60 & wait $!; done`;
  // Until then the system mounts over what is put into /run and /dev/shm.
  const booted = 'timeout 30 sh -c "until systemctl is-active -q systemd-tmpfiles-setup; do sleep 0.2; done"';
  await inside(lab, two.container, booted, 'root');
  const start = ['/bin/sh', '-c', 'setsid sh -c "$1" >/dev/null 2>&1 &', 'sh', `: ${VICTIM}; ${hurt}`];
  await backend.call('slot/exec', { container: two.container, user: 'root', argv: start });
  await until(
    'the victim is there',
    async () => (await inside(lab, two.container, 'cat /run/ready && echo yes', 'root')) !== '',
  );
  return { lab, backend, workspace, attacker: one.container, victim: two.container };
}

/** Runs a script in a container without the backend, so that nothing of it helps. */
async function inside(lab: Lab, container: string, script: string, as: Attacker): Promise<string> {
  const user = as === 'root' ? 0 : 1000;
  const env = { HOME: as === 'root' ? '/root' : '/home/code', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  const signal = AbortSignal.timeout(60_000);
  const { stdout } = await lab.incus.exec(container, ['/bin/sh', '-c', script], { user, group: user, env, signal });
  return stdout.toString('utf8');
}

/** What an attack reached, as its output says and as the host sees it. */
async function reachedBy({ lab, workspace, victim }: Arena, output: string): Promise<string | undefined> {
  if (output.includes(SECRET)) return 'the secret was read';
  const reached = /^REACHED: (.*)$/m.exec(output)?.[1];
  if (reached !== undefined) return `reached ${reached}`;
  const { stdout } = await run('find', [
    workspace,
    '-xdev',
    '(',
    '-uid',
    '0',
    '-perm',
    '/6000',
    '-o',
    '-type',
    'c',
    '-o',
    '-type',
    'b',
    ')',
  ]);
  if (stdout !== '') return `left ${stdout.trim()}`;
  const hurt = await inside(lab, victim, 'sleep 0.2; cat /run/hurt 2>/dev/null; rm -f /run/hurt', 'root');
  return hurt === '' ? undefined : 'a process of another slot was signalled';
}

test('nothing inside reaches the host or another slot', { skip }, async t => {
  const table = new Table(t, 'The host and other slots');
  const place = await arena(t);
  const { lab, workspace, attacker, victim } = place;
  const field: Battlefield = {
    run: (script, as) => inside(lab, attacker, `${HELPERS}${script}`, as),
    broken: output => reachedBy(place, output),
  };
  await attackAll(t, table, field, [...onHost(lab.home, '/workspace'), ...ON_SLOTS]);

  const clean = async () => {
    for (const name of ['suid', 'node', 'disk', 'zero']) rmSync(`${workspace}/${name}`, { force: true });
  };
  const environment = { PATH: process.env.PATH ?? '', SSH_AUTH_SOCK: `${lab.home}/agent/${SECRET}` };
  await clean();
  await controlAll(
    t,
    table,
    {
      ...field,
      run: async script =>
        (await run('/bin/sh', ['-c', `${HELPERS}${script}; true`], { env: environment, maxBuffer: 1 << 26 })).stdout,
      restore: clean,
    },
    onHost(lab.home, workspace),
  );
  await controlAll(
    t,
    table,
    { ...field, run: (script, as) => inside(lab, victim, `${HELPERS}${script}`, as) },
    ON_SLOTS,
  );
});

/** Control characters that do something in a terminal or turn text around. */
const HOSTILE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

const NAMES = `
d=$HOME/.incus-agents/signals; cd "$d" || exit 1
e=$(printf '\\033]0;evil\\007\\033[2J'); b=$(printf '\\342\\200\\256')
for n in "$e" "$b.jsonl" '$(touch /tmp/ia-pwned)' '-rf' "a
b" '\`touch /tmp/ia-pwned\`' '..%2f..' ; do printf '%s\\n' "{\\"state\\":\\"working\\",\\"why\\":\\"$e$b\\",\\"title\\":\\"$e\\"}" >"./$n"; done
for n in events events.jsonl state signals.jsonl exit status; do printf '%s%s\\n{"event":"Stop","state":"waiting","why":"%s%s"}\\n' "$e" "$b" "$e" "$b" >>"$n"; done
ln -s /etc/shadow shadow.jsonl; mkfifo fifo.jsonl; head -c 3M /dev/zero | tr '\\0' x >huge.jsonl; mkdir -p sub/sub
git -C /workspace init -q; git -C /workspace checkout -q -b "x\${IFS}$(touch\${IFS}/tmp/ia-pwned)$b"; : >"/workspace/$e"; : >"/workspace/-rf"
tmux rename-session -t 0 "$e"; printf '%s' "$e$b"; printf '\\033]52;c;ZXZpbA==\\007'
`;

test('hostile names, files and output do nothing on the way to a client', { skip }, async t => {
  const table = new Table(t, 'Hostile text');
  const { lab, backend, attacker } = await arena(t);
  const before = { uptime: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8') };
  for (const as of ['code', 'root'] as const) await inside(lab, attacker, `HOME=/home/code; ${NAMES}`, as);
  const shown = await backend.call('slot/exec', { container: attacker, argv: ['sh', '-c', "printf '\\033[31mred'"] });
  table.control('output keeps its bytes', 'both', HOSTILE.test(shown.stdout) ? 'bytes' : undefined);
  const snapshot = await backend.call('state/get', {});
  const { sessions } = await backend.call('session/list', {});
  const state = [...texts(snapshot), ...texts(sessions), ...texts(backend.changes), ...texts(backend.messages)];
  table.held(
    'state, sessions, messages',
    'both',
    state.find(text => HOSTILE.test(text)),
  );
  const log = backend.log
    .join('')
    .split('\n')
    .find(line => HOSTILE.test(line));
  table.held('log', 'both', log);
  table.held(
    'nothing of a name is run',
    'both',
    await run('ls', ['/tmp/ia-pwned']).then(
      () => 'it was',
      () => undefined,
    ),
  );
  table.held(
    'the machine did not start anew',
    'both',
    before.uptime === readFileSync('/proc/sys/kernel/random/boot_id', 'utf8') ? undefined : 'it did',
  );
});

/** Every text in a value. */
function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => [key, ...texts(one)]);
}

test('a reboot inside leaves everything as firm as before', { skip }, async t => {
  const table = new Table(t, 'Reboot inside');
  const { lab, backend, attacker } = await arena(t);
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
  const { pid } = await lab.incus.instanceState(attacker);
  await inside(lab, attacker, 'systemctl --no-block reboot || reboot -f', 'root').catch(() => '');
  await until(
    'it is up again',
    async () => {
      const now = await lab.incus.instanceState(attacker);
      return now.pid > 0 && now.pid !== pid;
    },
    60_000,
  );
  const reach = await backend.call('slot/reach', { container: attacker });
  const weak = reach.protection.find(one => one.state !== 'locked');
  table.held('protected paths', 'root', reach.protection.length === 0 ? 'none is held' : weak?.path);
  table.held('privileges', 'root', reach.privileged === false && reach.guestApi === false ? undefined : 'gained');
  table.held(
    'the machine',
    'root',
    readFileSync('/proc/sys/kernel/random/boot_id', 'utf8') === boot ? undefined : 'rebooted',
  );
});
