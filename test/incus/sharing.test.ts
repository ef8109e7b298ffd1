import assert from 'node:assert/strict';
import { execFile as execFileWith } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chown, lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectTo, createServer, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { TestBackend } from '../support/backend.ts';
import { failureOf, incusCli, type Lab, makeLab, OWNER } from './flows/support.ts';
import { until } from './support.ts';

const execFile = promisify(execFileWith);
const skip = process.getuid?.() !== 0;

/** What a command gives; in no file, list or log. */
const VALUE = 'the-value-of-a-command';

/** Answers with a word on a port, in the background. */
const listening = (port: number, word: string) =>
  `setsid perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => ${port}, Listen => 9) or die; while (my $c = $s->accept) { print $c "${word}"; close $c }' >/dev/null 2>&1 &`;

/** What is said on a port of the host. */
function said(port: string, host = '127.0.0.1'): Promise<string> {
  return new Promise((done, fail) => {
    let text = '';
    const socket = connectTo({ host, port: Number(port) });
    socket.setEncoding('utf8').on('data', data => {
      text += data;
    });
    socket.once('error', fail).once('close', () => done(text));
  });
}

/** An address of this machine that is not its loopback. */
function hostAddress(): string {
  const all = Object.values(networkInterfaces()).flat();
  return all.find(one => one?.family === 'IPv4' && !one.internal)?.address ?? assert.fail('no address');
}

/** An SSH agent with a key in it; gives its pid. */
async function startSshAgent(lab: Lab): Promise<string> {
  const directory = `${lab.directory}/ssh`;
  await mkdir(directory, { mode: 0o700 });
  const { stdout } = await execFile('ssh-agent', ['-s', '-a', `${directory}/agent`]);
  await execFile('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'a key of the user', '-f', `${directory}/key`]);
  await execFile('ssh-add', ['-q', `${directory}/key`], {
    env: { PATH: process.env.PATH, SSH_AUTH_SOCK: `${directory}/agent` },
  });
  return /SSH_AGENT_PID=(\d+)/.exec(stdout)?.[1] ?? assert.fail(stdout);
}

/** What the user's own configuration shares. */
const config = (lab: Lab) => `
[[mounts]]
host = "${lab.directory}/data"
container = "/home/code/deep/data"
[[mounts]]
host = "${lab.directory}/notes.txt"
container = "/srv/notes.txt"
readonly = true
[[sockets]]
host = "${lab.directory}/db.sock"
container = "/home/code/new/db.sock"
env = "DB_SOCKET"
[[credentials]]
host = "${lab.directory}/netrc"
container = "/home/code/.config/x/netrc"
[defaults.env_commands]
TOKEN = "printf %s-%s $LANG ${VALUE}"
[ssh]
forward_agent = true
[ports]
pool = 1
[[ports.map]]
name = "web"
container = 8000
`;

describe('what is shared with a slot', { skip }, () => {
  let lab: Lab;
  let backend: TestBackend;
  let workspace: string;
  let container: string;
  let db: Server;
  let agent: string;
  const run = async (script: string, user: 'root' | 'code' = 'code') => {
    const result = await backend.call('slot/exec', { container, argv: ['/bin/sh', '-c', script], user });
    return `${result.stdout}${result.stderr}`.trim();
  };

  before(async () => {
    lab = await makeLab();
    await mkdir(`${lab.directory}/data`);
    await chown(`${lab.directory}/data`, OWNER.uid, OWNER.gid);
    await writeFile(`${lab.directory}/notes.txt`, 'from the host');
    await chown(`${lab.directory}/notes.txt`, OWNER.uid, OWNER.gid);
    await writeFile(`${lab.directory}/netrc`, 'machine x', { mode: 0o600 });
    await lab.write(`${lab.home}/.coi/config.toml`, config(lab));
    workspace = await lab.workspace();
    db = createServer(socket => socket.end('from the db')).listen(`${lab.directory}/db.sock`);
    agent = await startSshAgent(lab);
    backend = await lab.backend({ environment: { SSH_AUTH_SOCK: `${lab.directory}/ssh/agent`, LANG: 'C.UTF-8' } });
    ({ container } = await lab.open(backend, workspace, { persistent: true }));
  });
  after(async () => {
    db.close();
    await execFile('ssh-agent', ['-k'], { env: { PATH: process.env.PATH, SSH_AGENT_PID: agent } });
    await lab.close();
  });

  it('a folder is written by both sides, with the right owner on each', async () => {
    assert.equal(
      await run('cd ~/deep/data && touch code && stat -c %U code . .. && sudo touch root 2>/dev/null; ls'),
      [...['code', 'code', 'code', 'code', 'root']].join('\n'),
    );
    const { uid, gid } = await lstat(`${lab.directory}/data/code`);
    assert.deepEqual({ uid, gid }, OWNER);
    assert.match(await run('echo x >>/srv/notes.txt'), /[Rr]ead-only/);
    assert.equal(await run('cat /srv/notes.txt'), 'from the host');
  });

  it('is shown: in the state, in the reach and to the agent', async () => {
    const shared = backend.slots.get(container)?.shared ?? [];
    assert.deepEqual(
      shared.filter(word => word.startsWith(lab.directory)),
      [`${lab.directory}/data at /home/code/deep/data`, `${lab.directory}/notes.txt at /srv/notes.txt, to be read`],
    );
    const { mounts } = await backend.call('slot/reach', { container });
    assert.ok(mounts.some(m => m.path === '/srv/notes.txt' && m.source === `${lab.directory}/notes.txt` && m.readonly));
    assert.ok(mounts.some(m => m.path === '/home/code/deep/data' && !m.readonly));
    assert.match(await run('cat ~/SANDBOX_CONTEXT.md'), /Shared with you: .*at \/home\/code\/deep\/data/);
  });

  it('ports lead into the slot, from this computer alone', async () => {
    const { COI_PORTS = '', COI_PORT_WEB = '' } = Object.fromEntries(
      (await run('. ~/.incus-agents/environment; env')).split('\n').map(line => line.split('=')),
    );
    assert.match(`${COI_PORTS} ${COI_PORT_WEB}`, /^\d{5} \d{5}$/);
    await run(listening(8000, 'web'));
    await run(listening(Number(COI_PORTS), 'pool'));
    const says = async (port: string, word: string) => (await said(port).catch(() => '')) === word;
    await until('both answer', async () => (await says(COI_PORT_WEB, 'web')) && (await says(COI_PORTS, 'pool')));
    await assert.rejects(said(COI_PORT_WEB, hostAddress()), /ECONNREFUSED/);

    const shared = backend.slots.get(container)?.shared ?? [];
    assert.ok(shared.includes(`port ${COI_PORT_WEB} of this computer as 8000 inside (web)`), shared.join('; '));
    const { forwards } = await backend.call('slot/reach', { container });
    const ports = forwards?.filter(forward => forward.at === 'host');
    assert.deepEqual(ports, [
      {
        ...{ listen: `tcp:127.0.0.1:${COI_PORTS},${COI_PORT_WEB}`, connect: `tcp:127.0.0.1:${COI_PORTS},8000` },
        ...{ at: 'host', running: true, configured: true },
      },
    ]);

    await lab.write(
      `${lab.home}/.coi/config.toml`,
      `[[ports.map]]\nname = "x"\ncontainer = 1\nhost = ${COI_PORT_WEB}\n`,
    );
    const other = await lab.workspace();
    const failure = await failureOf(lab.open(backend, other));
    assert.equal(failure.kind, 'conflict');
    assert.match(failure.message, new RegExp(`port ${COI_PORT_WEB} .* in use by slot 1 of ${workspace}`));
    assert.deepEqual(await lab.containers(other), []);
  });

  it('sockets are the agent’s alone, and lead to what the user may use', async () => {
    const variables = '. ~/.incus-agents/environment; export SSH_AUTH_SOCK;';
    // What `ssh-add -l` asks: which keys there are.
    const ask = `my $s = IO::Socket::UNIX->new($ENV{SSH_AUTH_SOCK}) or die $!; syswrite $s, pack("NC", 1, 11); sysread $s, my $a, 4096; print $a`;
    assert.match(await run(`${variables} perl -MIO::Socket::UNIX -e '${ask}'`), /a key of the user/);
    assert.equal(
      await run(`${variables} echo $DB_SOCKET; stat -c '%a %U' $DB_SOCKET $SSH_AUTH_SOCK ~/new`),
      [...['/home/code/new/db.sock', '600 code', '600 code', '755 code']].join('\n'),
    );
    assert.equal(
      await run(`perl -MIO::Socket::UNIX -e 'print readline(IO::Socket::UNIX->new($ARGV[0]))' ~/new/db.sock`),
      'from the db',
    );
    const shared = backend.slots.get(container)?.shared ?? [];
    assert.ok(shared.includes(`the socket ${lab.directory}/db.sock at /home/code/new/db.sock`), shared.join('; '));
    const { forwards = [] } = await backend.call('slot/reach', { container });
    const sockets = forwards.filter(forward => forward.at === 'inside');
    assert.deepEqual(sockets.map(one => [one.connect, one.running, one.configured]).sort(), [
      [`unix:${lab.directory}/db.sock`, true, true],
      [`unix:${lab.directory}/ssh/agent`, true, true],
    ]);
  });

  it('files are copied, for the agent’s user alone', async () => {
    assert.equal(await run('cd ~/.config/x && cat netrc && stat -c " %a %U" netrc .'), 'machine x 600 code\n 755 code');
    const shared = backend.slots.get(container)?.shared ?? [];
    assert.ok(shared.includes(`a copy of ${lab.directory}/netrc at /home/code/.config/x/netrc`), shared.join('; '));
  });

  it('what a command gives is known to the agent’s process alone', async () => {
    const holders = `for p in /proc/[0-9]*; do tr '\\0' '\\n' <$p/environ 2>/dev/null | grep ^TOKEN=; done | sort -u`;
    await until('the agent runs', async () => (await run(holders, 'root')) === `TOKEN=C.UTF-8-${VALUE}`);
    assert.equal(await run(`grep -rl -- ${VALUE} /home/code /tmp /etc/incus-agents /run 2>/dev/null`, 'root'), '');
    assert.doesNotMatch(await incusCli('query', `/1.0/instances/${container}?recursion=1`), new RegExp(VALUE));
    assert.doesNotMatch(backend.log.join(''), new RegExp(VALUE));
    const shared = backend.slots.get(container)?.shared ?? [];
    assert.ok(shared.includes('what commands on this computer give as TOKEN'), shared.join('; '));
  });

  it('goes when it is no longer configured, and what root made is handed over', async () => {
    await backend.call('slot/stop', { container, timeout: 5 });
    assert.equal((await lstat(`${lab.directory}/data/root`)).uid, OWNER.uid);
    await lab.write(`${lab.home}/.coi/config.toml`, '');
    await backend.call('slot/start', { container });
    assert.equal(
      await run('ls ~/deep/data ~/.config/x; cat /srv/notes.txt 2>/dev/null'),
      '/home/code/.config/x:\n\n/home/code/deep/data:',
    );
    assert.deepEqual(
      Object.keys((await lab.instance(container))?.devices ?? {}).filter(name => /^(mount|coi-port|socket)/.test(name)),
      [],
    );
    assert.deepEqual(
      (backend.slots.get(container)?.shared ?? []).filter(word => word.includes(lab.directory)),
      [],
    );
    assert.equal(await readFile(`${lab.directory}/notes.txt`, 'utf8'), 'from the host');
  });

  it('is as it was when only the agent is started again', async () => {
    await backend.call('slot/stop', { container, timeout: 5 });
    await lab.write(`${lab.home}/.coi/config.toml`, '[ports]\npool = 1\n');
    await backend.call('slot/start', { container });
    const told = await run('grep COI_PORTS ~/.incus-agents/environment');
    await lab.write(`${lab.home}/.coi/config.toml`, '[ports]\npool = 3\n');
    await run('. ~/.incus-agents/environment; export TMUX_TMPDIR=~/.incus-agents/tmux; tmux kill-server');
    await until('the agent is gone', async () => (await run('pgrep -c tmux')) === '0');
    await backend.call('slot/start', { container });
    assert.equal(await run('grep COI_PORTS ~/.incus-agents/environment'), told);
    assert.match(told, /COI_PORTS='\d{5}'/);
  });

  it('is refused with a reason before anything is made', async () => {
    const other = await lab.workspace();
    for (const [host, kind] of [
      ['/etc', 'config'],
      ['/var/lib/incus/unix.socket', 'config'],
      [`${lab.directory}/missing`, 'not-found'],
    ]) {
      await lab.write(`${lab.home}/.coi/config.toml`, `[[mounts]]\nhost = "${host}"\ncontainer = "/x"\n`);
      const failure = await failureOf(lab.open(backend, other));
      assert.equal(failure.kind, kind, failure.message);
      assert.ok(failure.hint);
    }
    assert.deepEqual(await lab.containers(other), []);
    await lab.write(`${lab.home}/.coi/config.toml`, '');
  });
});

describe('what a project asks for', { skip }, () => {
  let lab: Lab;
  before(async () => {
    lab = await makeLab();
  });
  after(() => lab.close());

  it('has no effect until it is approved, then has, and has not any more when the approval is taken back', async () => {
    const { directory } = lab;
    const workspace = await lab.workspace();
    const asked = `
[[mounts]]
host = "${directory}/data"
container = "/data"
[[sockets]]
host = "${directory}/db.sock"
container = "/home/code/db.sock"
[[credentials]]
host = "${directory}/netrc"
container = "/home/code/.netrc"
[defaults.env_commands]
TOKEN = "touch ${directory}/was-run"
[ports]
pool = 1
[ssh]
forward_agent = true
`;
    await lab.write(`${workspace}/.coi/config.toml`, asked);
    await mkdir(`${directory}/data`);
    await writeFile(`${directory}/netrc`, 'machine x');
    const db = createServer().listen(`${directory}/db.sock`);
    const backend = await lab.backend({ environment: { SSH_AUTH_SOCK: `${directory}/db.sock` } });
    try {
      const { container } = await lab.open(backend, workspace, { persistent: true });
      const seen = async () => {
        const argv = ['/bin/sh', '-c', 'ls -d /data ~/db.sock ~/.netrc 2>/dev/null; true'];
        const { stdout } = await backend.call('slot/exec', { container, argv });
        const { forwards, mounts } = await backend.call('slot/reach', { container });
        const shared = backend.slots.get(container)?.shared ?? [];
        const devices = Object.keys((await lab.instance(container))?.devices ?? {});
        return {
          files: stdout.split('\n').filter(line => line !== '' && line !== '/data'),
          forwards: forwards?.length,
          mount: mounts.some(mount => mount.path === '/data'),
          shared: shared.length,
          devices: devices.filter(name => /^(mount|socket|coi-port|ssh)/.test(name)).length,
          run: existsSync(`${directory}/was-run`),
        };
      };
      const restart = async () => {
        await backend.call('slot/stop', { container, timeout: 5 });
        await backend.call('slot/start', { container });
      };
      const nothing = { files: [], forwards: 0, mount: false, shared: 0, devices: 0, run: false };
      assert.deepEqual(await seen(), nothing);

      const { pending } = await backend.call('config/trust', { workspace });
      const byKind = pending.sort((one, other) => (one.kind < other.kind ? -1 : 1));
      assert.deepEqual(byKind, [
        { kind: 'credential', what: `Copy "${directory}/netrc" to "/home/code/.netrc"` },
        { kind: 'env-command', what: `Run "touch ${directory}/was-run" on this computer for the variable TOKEN` },
        { kind: 'mount', what: `Read and write "${directory}/data" at "/data"` },
        { kind: 'port-pool', what: 'Listen on 1 ports of this computer' },
        { kind: 'socket', what: `Use the socket "${directory}/db.sock" at "/home/code/db.sock"` },
        { kind: 'ssh-agent', what: 'Use your SSH agent' },
      ]);
      await backend.call('config/trust', { workspace, approve: true });
      await restart();
      assert.deepEqual(await seen(), {
        ...{ files: ['/home/code/.netrc', '/home/code/db.sock'], forwards: 3, mount: true },
        ...{ shared: 6, devices: 4, run: true },
      });

      await backend.call('config/trust', { workspace, approve: false });
      await rm(`${directory}/was-run`);
      await restart();
      assert.deepEqual(await seen(), nothing);
    } finally {
      db.close();
    }
  });

  it('in a folder of root, mounts of root are the agent’s, and others are nobody’s', async () => {
    const { directory } = lab;
    const workspace = await lab.workspace({ uid: 0 });
    for (const [name, uid] of [
      ['of-root', 0],
      ['of-other', 4321],
    ] as const) {
      await mkdir(`${directory}/${name}`);
      await chown(`${directory}/${name}`, uid, uid);
    }
    await writeFile(`${directory}/of-root/file`, 'text', { mode: 0o600 });
    const mount = (host: string, place: string) =>
      `[[mounts]]\nhost = "${directory}/${host}"\ncontainer = "${place}"\n`;
    await lab.write(
      `${lab.home}/.coi/config.toml`,
      mount('of-root', '/m/root') + mount('of-other', '/m/other') + mount('of-root/file', '/m/file'),
    );
    const backend = await lab.backend();
    await backend.call('config/trust', { workspace, approve: true });
    const { container } = await lab.open(backend, workspace);
    const argv = ['/bin/sh', '-c', 'echo more >>/m/root/file; cat /m/file; stat -c %U /m/root /m/other /m/file'];
    const { stdout } = await backend.call('slot/exec', { container, argv });
    assert.equal(stdout, 'textmore\ncode\nnobody\ncode\n');
    const notes = backend.messages.filter(({ message }) => message.includes(directory)).map(({ message }) => message);
    assert.equal(notes.length, 1, notes.join('; '));
    assert.match(notes[0] ?? '', /of-other belongs to another user/);
    await backend.call('slot/kill', { container });
  });
});
