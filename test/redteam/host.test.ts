import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { incusCli, type Lab, makeLab, OWNER } from '../incus/flows/support.ts';
import { rebootInside } from '../incus/reboot.ts';
import { until } from '../incus/support.ts';
import type { TestBackend } from '../support/backend.ts';
import { type Attacker, attackAll, type Battlefield, controlAll } from './attack.ts';
import { HELPERS, ON_SLOTS, onHost, SECRET, VICTIM } from './host/attacks.ts';
import { leftovers } from './host/leftovers.ts';
import { onHost as ownerRuns } from './protect/place.ts';
import { Table } from './table.ts';

const run = promisify(execFile);
const skip = process.getuid?.() !== 0;

interface Arena {
  lab: Lab;
  backend: TestBackend;
  workspace: string;
  attacker: string;
  victim: string;
  /** The workspace of the victim. */
  victims: string;
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
  const victims = await lab.workspace();
  const [one, two] = [await lab.open(backend, workspace), await lab.open(backend, victims)];
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
  return { lab, backend, workspace, attacker: one.container, victim: two.container, victims };
}

/** Runs a script in a container without the backend, so that nothing of it helps. */
async function inside(lab: Lab, container: string, script: string, as: Attacker): Promise<string> {
  const user = as === 'root' ? 0 : 1000;
  const env = { HOME: as === 'root' ? '/root' : '/home/code', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
  const signal = AbortSignal.timeout(120_000);
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
e=$(printf '\\033]0;evil\\007\\033[2J'); b=$(printf '\\342\\200\\256')
cd "$HOME/.incus-agents/signals" && echo "signals are here"
for n in "$e" "$b.jsonl" '$(touch /tmp/ia-pwned)' '-rf' "a
b" '\`touch /tmp/ia-pwned\`' '..%2f..' ; do printf 'waiting 1 {"message":"%s"}\\n' "$e$b" >"./$n"; done
printf '%s%s\\nwaiting %s {"tool_name":"%s%s$(touch /tmp/ia-pwned)"}\\n' "$e" "$b" "$(date +%s)" "$e" "$b" >>events
ln -s /etc/shadow shadow.jsonl; mkfifo fifo.jsonl; mkdir -p sub/sub
mkdir -p "$HOME/.claude/projects/-workspace"; cd "$HOME/.claude/projects/-workspace" && echo "conversations are here"
printf '{"type":"user","message":{"content":"%s%s$(touch /tmp/ia-pwned) said inside"}}\\n' '\\u001b]0;evil\\u0007' '\\u202e' >11111111-2222-3333-4444-555555555555.jsonl
cd /workspace; git checkout -q -b "x$(printf '\\302\\233')$b\\$(touch\\$\\{IFS}/tmp/ia-pwned)"; : >"./$e"; : >"./-rf"; : >"./$(printf 'a\\nb')"
tmux -S "$(ls -d /tmp/tmux-*/default /run/user/*/tmux*/default 2>/dev/null | head -1)" rename-session "$e"; printf '%s' "$e$b"; printf '\\033]52;c;ZXZpbA==\\007'
`;

/** Fills everything that the backend reads of a slot, for as long as it is let. */
const FLOOD = `
cd "$HOME/.incus-agents/signals" || exit 1
perl -e 'for (1..20000) { open(F, ">", "f$_.jsonl") }' &
cd "$HOME/.claude/sessions" && mkfifo 1.json; ln -s /etc/passwd 2.json; head -c 50M /dev/zero | tr '\\0' '[' >3.json
perl -e 'for (4..5000) { open(F, ">", "$_.json"); print F "[" x 4096 }' &
mkdir -p "$HOME/.claude/projects/-workspace"; cd "$HOME/.claude/projects/-workspace"
{ printf '{"type":"user","message":{"content":"'; head -c 60M /dev/zero | tr '\\0' x; echo '"}}'; } >aaaaaaaa-2222-3333-4444-555555555555.jsonl
perl -e 'for (1..3000) { open(F, ">", sprintf("%08x-2222-3333-4444-555555555555.jsonl", $_)); print F "[" x 9999, "\\n" x 9999 }' &
cd "$HOME/.incus-agents/signals"
while :; do yes 'waiting 99999999999 {"tool_name":"x"}' | head -c 8M >>events; [ $(stat -c %s events) -lt 50000000 ] || rm -f events; done
`;

/**
 * Longest (ms) that a request may take meanwhile (slow is allowed, stuck is not), and one that needs new connections to Incus, which a busy
 * Incus itself is slow to serve; and most memory (MB) that the backend may ever have had.
 */
const ANSWERS_IN = 10_000;
const CONNECTS_IN = 45_000;
const MEMORY = 600;

/** A slot whose agent has everything that the backend reads of one. */
async function watched(t: TestContext): Promise<Pick<Arena, 'lab' | 'backend' | 'attacker'>> {
  const lab = await makeLab();
  t.after(() => lab.close());
  await lab.write(`${lab.home}/.coi/config.toml`, '[tool]\nbinary = "/workspace/agent"\n');
  const workspace = await lab.workspace();
  // Not Claude itself: what is written here in its place is what a hostile one would write.
  const agent = "printf '#!/bin/sh\\nexec sleep 100000\\n' >agent; chmod +x agent";
  ownerRuns(
    OWNER,
    workspace,
    `${agent}; git init -q .; git -c user.name=x -c user.email=x@y commit -q --allow-empty -m x`,
  );
  const backend = await lab.backend({ settings: { agent: 'claude' } });
  const { container } = await lab.open(backend, workspace);
  return { lab, backend, attacker: container };
}

test('hostile names, files and output do nothing on the way to a client', { skip, timeout: 300_000 }, async t => {
  const table = new Table(t, 'Hostile text');
  const { lab, backend, attacker } = await watched(t);
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
  for (const as of ['code', 'root'] as const) {
    const output = await inside(lab, attacker, `HOME=/home/code; ${NAMES}`, as);
    table.control(
      'what it writes is where it is read',
      as,
      output.match(/are here/g)?.length === 2 ? 'there' : undefined,
    );
  }
  const waiting = await backend.when(attacker, slot => slot?.agentState.state === 'waiting');
  table.control('and it is read', 'both', waiting?.agentState.why?.includes('pwned') ? 'read' : undefined);
  const shown = await backend.call('slot/exec', { container: attacker, argv: ['sh', '-c', "printf '\\033[31mred'"] });
  table.control('output keeps its bytes', 'both', HOSTILE.test(shown.stdout) ? 'bytes' : undefined);
  const snapshot = await backend.call('state/get', {});
  const sessions = await until('its title', async () => {
    const listed = (await backend.call('session/list', {})).sessions;
    return listed.some(one => one.title?.includes('said inside')) && listed;
  }).catch(() => []);
  table.control('its title too', 'both', sessions[0]?.title);
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
  table.held('nothing of a name is run', 'both', existsSync('/tmp/ia-pwned') ? 'it was' : undefined);
  const same = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8') === boot;
  table.held('the machine did not start anew', 'both', same ? undefined : 'it did');
  await flooded(table, { lab, backend, attacker });
});

/** The backend while everything that it reads is flooded: it answers, stays small, and believes the agent again afterwards. */
async function flooded(table: Table, { lab, backend, attacker }: Pick<Arena, 'lab' | 'backend' | 'attacker'>) {
  const flood = inside(lab, attacker, `HOME=/home/code; timeout 8 sh -c '${FLOOD.replaceAll("'", "'\\''")}'`, 'code');
  flood.catch(() => {}); // It is looked at below.
  const output = backend.call('slot/exec', { container: attacker, argv: ['sh', '-c', 'yes | head -c 60M'] });
  const ask = {
    'state/get': () => backend.call('state/get', {}),
    'session/list': () => backend.call('session/list', {}),
    'slot/exec': () => backend.call('slot/exec', { container: attacker, argv: ['true'] }),
  };
  for (const [method, call] of Object.entries(ask)) {
    let longest = 0;
    for (let round = 0; round < 3; round++) {
      const began = performance.now();
      await call();
      longest = Math.max(longest, Math.round(performance.now() - began));
    }
    const limit = method === 'slot/exec' ? CONNECTS_IN : ANSWERS_IN;
    table.held(`${method} meanwhile`, 'code', longest < limit ? undefined : `took ${longest} ms`);
  }
  const { stdout, truncated } = await output;
  table.held(
    'output without end',
    'code',
    truncated && stdout.length <= 1 << 24 ? undefined : `${stdout.length} bytes`,
  );
  await flood;
  const files = await inside(
    lab,
    attacker,
    'ls /home/code/.incus-agents/signals /home/code/.claude/sessions | wc -l',
    'code',
  );
  table.control('it was flooded', 'code', Number(files) > 3000 ? files : undefined);
  const most = Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${backend.process.pid}/status`, 'utf8'))?.[1]) / 1024;
  table.held('memory of the backend', 'code', most < MEMORY ? undefined : `${Math.round(most)} MB`);
  await inside(
    lab,
    attacker,
    'cd /home/code/.incus-agents/signals && rm -f events && echo "idle $(date +%s) {}" >events',
    'code',
  );
  const idle = await backend.when(attacker, slot => slot?.agentState.state === 'idle');
  table.control('signals are believed again', 'code', idle?.agentState.state);
}

/** Every text in a value. */
function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => [key, ...texts(one)]);
}

test('a reboot inside leaves everything as firm as before', { skip }, async t => {
  const table = new Table(t, 'Reboot inside, and the end');
  const { lab, backend, workspace, attacker, victim, victims } = await arena(t);
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
  // What was changed meanwhile must have taken nothing else away.
  await backend.call('slot/configure', { container: attacker, network: { mode: 'open' } });
  await backend.call('slot/configure', { container: attacker, network: { mode: 'restricted' } });
  await rebootInside(lab.incus, attacker, { command: 'systemctl --no-block reboot || reboot -ff' });
  const reach = await backend.call('slot/reach', { container: attacker });
  const weak = reach.protection.find(one => one.state !== 'locked');
  table.held('protected paths', 'root', reach.protection.length === 0 ? 'none is held' : weak?.path);
  const held = until('it has its address again', async () => {
    // While it boots it may not be able to answer.
    const seen = await backend.call('slot/reach', { container: attacker }).catch(() => undefined);
    return seen?.network.verified === 'held';
  });
  table.held('network', 'root', await held.then(() => undefined).catch(String));
  table.held('privileges', 'root', reach.privileged === false && reach.guestApi === false ? undefined : 'gained');
  table.held(
    'the machine',
    'root',
    readFileSync('/proc/sys/kernel/random/boot_id', 'utf8') === boot ? undefined : 'rebooted',
  );

  // One slot is closed, the other ends when nothing of ours is there any more, as after an uninstall.
  await backend.call('slot/close', { container: victim, timeout: 0 });
  await backend.kill();
  await incusCli('delete', '--force', attacker);
  const slots = [
    { container: attacker, workspace },
    { container: victim, workspace: victims },
  ];
  const left = await until(
    'the hooks have cleared up',
    async () => (await leftovers(lab.incus, lab.home, slots)).length === 0,
  )
    .then(() => undefined)
    .catch(async () => (await leftovers(lab.incus, lab.home, slots)).join(', '));
  table.held('what stays on the host when all slots are gone', 'host', left);
});
