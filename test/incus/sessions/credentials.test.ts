import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chown, lstat, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Incus } from '../../../server/incus/client.ts';
import { isReply, type TestBackend } from '../../support/backend.ts';
import { incusCli } from '../flows/support.ts';
import { until } from '../support.ts';
import { type Desk, KEY, makeDesk } from './support.ts';
import { openTalk, type Talk } from './talk.ts';

const run = promisify(execFile);
const skip = process.getuid?.() !== 0;

describe('credentials of an agent', { skip }, () => {
  let desk: Desk;
  let workspace: string;
  let backend: TestBackend;
  before(async () => {
    desk = await makeDesk('[defaults]\nforward_env = ["FORWARDED"]\n');
    workspace = await desk.workspace();
    backend = await desk.backend({ environment: { FORWARDED: `forwarded-${KEY}`, OPENAI_API_KEY: KEY } });
  });
  after(() => desk.close());

  it('reach its process alone', async () => {
    const watched = watchHost(desk.lab.incus, KEY);
    const talk = await openTalk(desk, backend, workspace, { agent: 'claude', prompt: 'who are you' });
    const { found, seen } = await watched.end();
    assert.deepEqual(found, [], 'not even while it is started');
    const { container } = talk;
    assert.ok(
      [...seen].some(text => text.includes('"command":') && text.includes(container)),
      'the start was seen',
    );
    await talk.asked('who are you');
    const inside = async (script: string, user: 'code' | 'root' = 'root') =>
      (await backend.call('slot/exec', { container: talk.container, argv: ['/bin/sh', '-c', script], user })).stdout;
    const environment = await inside("tr '\\0' '\\n' </proc/$(pgrep -xo claude)/environ");
    assert.match(environment, new RegExp(`^ANTHROPIC_API_KEY=${KEY}$`, 'm'));
    assert.match(environment, new RegExp(`^FORWARDED=forwarded-${KEY}$`, 'm'));

    assert.deepEqual(await processesWith(KEY), []);
    assert.doesNotMatch(await incusCli('config', 'show', '--expanded', talk.container), new RegExp(KEY));
    assert.doesNotMatch(await incusCli('query', `/1.0/instances/${talk.container}?recursion=1`), new RegExp(KEY));
    assert.doesNotMatch(backend.log.join(''), new RegExp(KEY));
    // The user's own configuration gives it to codex.
    assert.deepEqual(await filesWith(join(desk.lab.home, '.coi'), KEY), [join(desk.lab.home, '.coi/config.toml')]);
    assert.equal(await inside(`grep -rl -- ${KEY} /home/code /tmp /run/user /etc/incus-agents 2>/dev/null`), '');

    // As agents refresh a token: a new file is renamed over the old one.
    await inside('cd ~/.claude && for n in 1 2; do echo own-login-$n >.new && mv .new .credentials.json; done', 'code');
    assert.deepEqual(await filesWith(join(desk.lab.home, '.coi'), 'own-login'), []);

    await inside('pkill -KILL -x claude');
    await talk.state('failed');
    const shell = await inside(
      'cat /proc/$(pgrep -u code -xo tmux:\\ server)/environ /proc/$(pgrep -u code -n bash)/environ',
    );
    assert.doesNotMatch(shell, new RegExp(KEY));
    const shown = backend.slots.get(talk.container)?.shared?.join('; ') ?? '';
    assert.match(shown, /the secret "claude-key" as ANTHROPIC_API_KEY; the variable FORWARDED/);
    await backend.call('slot/kill', { container: talk.container });
  });

  it('log codex in by an API key, unless it has a provider of the user’s', async () => {
    const profile = join(desk.lab.home, '.coi/profiles/key/config.toml');
    const login = '[agents.codex.credentials]\nsource = "environment"\nnames = ["OPENAI_API_KEY"]\n';
    const tool = '[tool.codex]\nmodel = "stand-in"\nreasoning_effort = "high"\n';
    await desk.lab.write(
      profile,
      `${tool}${login}[agents.codex.environment]\nOPENAI_BASE_URL = "${desk.url}/by-key/v1"\n`,
    );
    const talk = await openTalk(desk, backend, workspace, { agent: 'codex', profile: 'key', prompt: 'by the key' });
    assert.equal((await talk.asked('by the key')).path, '/by-key/v1/responses');
    assert.doesNotMatch(await talk.screen(), /Sign in/);
    const words = '--model stand-in -c model_reasoning_effort="high"';
    assert.equal(
      await talk.inside('sh', '-c', 'tr "\\0" " " </proc/$(pgrep -xo codex)/cmdline | grep -qe "$0"', words),
      0,
    );
    await talk.kill();
    await talk.state('failed');
    await backend.call('slot/start', { container: talk.container });
    const request = await talk.turn('once more');
    assert.equal(request.path, '/by-key/v1/responses');
    assert.match(request.text, /by the key/);
    await backend.call('slot/kill', { container: talk.container });

    const mine = join(desk.lab.directory, 'codex-config.toml');
    const provider = `name = "mine"\nbase_url = "${desk.url}/mine/v1"\nwire_api = "responses"\n`;
    await desk.lab.write(mine, `model_provider = "mine"\n[model_providers.mine]\n${provider}`);
    const copy = `[[credentials]]\nhost = "${mine}"\ncontainer = "/home/code/.codex/config.toml"\n`;
    await desk.lab.write(profile, login + copy);
    const own = await openTalk(desk, backend, workspace, { agent: 'codex', profile: 'key', prompt: 'by the own' });
    assert.equal((await own.asked('by the own')).path, '/mine/v1/responses');
    await backend.call('slot/kill', { container: own.container });
  });

  it('of opencode are one for several slots, and nothing else of it is', async () => {
    const profile = join(desk.lab.home, '.coi/profiles/together/config.toml');
    await desk.lab.write(profile, '[agents.opencode.credentials]\nsource = "shared"\n');
    const more = { agent: 'opencode', profile: 'together', background: true };
    const slots = await Promise.all([1, 2].map(slot => desk.lab.open(backend, workspace, { ...more, slot })));
    const inside = async (i: number, script: string) => {
      const container = slots[i]?.container ?? '';
      const result = await backend.call('slot/exec', { container, argv: ['/bin/sh', '-c', script] });
      assert.equal(result.exitCode, 0, result.stderr);
      return result.stdout;
    };
    const data = '~/.local/share/opencode';
    const login = '{"openai":{"type":"api","key":"own-login-of-opencode"}}';
    await inside(0, `cd ${data} && echo '${login}' >.new && chmod 600 .new && mv .new auth.json`);
    assert.match(await inside(1, 'opencode auth list'), /OpenAI/);
    for (const place of ['snapshot', 'storage', 'tool-output', 'log', 'db']) {
      await inside(0, `touch ${data}/${place}/mine`);
      assert.doesNotMatch(await inside(1, `ls ${data}/${place}`), /mine/, place);
    }
    assert.deepEqual(await filesWith(join(desk.lab.home, '.coi/sessions-opencode'), 'own-login'), []);
    const [shared] = backend.slots.get(slots[0]?.container ?? '')?.shared ?? [];
    assert.equal(
      shared,
      'a login of opencode that its slots share, with the settings and the history of prompts beside it',
    );
    await Promise.all(slots.map(({ container }) => backend.call('slot/kill', { container })));
    const named = join(desk.lab.home, '.coi/profiles/nothing/config.toml');
    await desk.lab.write(named, '[agents.shell.credentials]\nsource = "shared"\n');
    const refused = desk.lab.open(backend, workspace, { agent: 'shell', profile: 'nothing' });
    await assert.rejects(refused, isReply('config', /Shell has no login that slots could share/));
  });

  it('that are missing are said before anything is made, and the backend lives', async () => {
    const poor = await desk.backend({ secrets: {}, environment: {} });
    const ofClaude = async () =>
      (await poor.call('session/list', { workspace })).sessions.filter(s => s.agent === 'claude').map(s => s.id);
    const before = await ofClaude();
    const open = (agent: string) => desk.lab.open(poor, workspace, { agent });
    await assert.rejects(open('claude'), (error: { data?: { detail?: string; secret?: string } }) => {
      assert.deepEqual([error.data?.detail, error.data?.secret], ['secret-missing', 'claude-key']);
      return isReply('config', /claude-key/)(error);
    });
    await assert.rejects(open('opencode'), isReply('config', /OPENAI_API_KEY/));
    assert.deepEqual(await desk.lab.containers(workspace), []);
    assert.deepEqual(await ofClaude(), before, 'no session is left of them');
    await poor.end();
  });
});

/** What the user had an agent remember, in all its slots. */
const MEMORY = Array.from({ length: 500 }, (_, i) => `remember ${i}\n`).join('');

for (const uid of [1000, 0]) {
  describe(`a login that slots share, in a folder of uid ${uid}`, { skip }, () => {
    let desk: Desk;
    let talks: Talk[];
    const login = () => join(desk.lab.home, '.coi/incus-agents/logins', `claude-${uid}`);
    before(async () => {
      desk = await makeDesk('[agents.shared]\ncommand = ["true"]\n');
      const path = join(desk.lab.home, '.coi/config.toml');
      const text = await readFile(path, 'utf8');
      await desk.lab.write(
        path,
        text
          .replace(/source = "secret"\nsecret = "claude-key"\nvariable = .*/, 'source = "shared"')
          .replace('ANTHROPIC_BASE_URL', `ANTHROPIC_AUTH_TOKEN = "x"\nANTHROPIC_BASE_URL`),
      );
      const workspace = await desk.workspace({ uid });
      const backend = await desk.backend();
      if (uid === 0) await backend.call('config/trust', { workspace, approve: true });
      const memory = join(login(), 'CLAUDE.md');
      await desk.lab.write(memory, MEMORY);
      await chown(memory, uid, uid);
      talks = await Promise.all(
        [1, 2].map(slot =>
          openTalk(desk, backend, workspace, { agent: 'claude', slot, prompt: `hello from slot ${slot}` }),
        ),
      );
    });
    after(() => desk.close());

    it('is one for all: a token refreshed by renaming in one slot is there in the other', async () => {
      const [one, two] = talks;
      assert.ok(one && two);
      for (const talk of talks) await talk.asked(`hello from slot ${talk.slot}`);
      const inside = async (talk: Talk, script: string) => {
        const argv = ['/bin/sh', '-c', script];
        const result = await talk.backend.call('slot/exec', { container: talk.container, argv });
        assert.equal(result.exitCode, 0, result.stderr);
        return result.stdout.trim();
      };
      for (const [from, to, text] of [
        [one, two, 'refreshed-login-1'],
        [two, one, 'refreshed-login-2'],
      ] as const) {
        await inside(from, `cd ~/.claude && echo ${text} >.new && chmod 600 .new && mv .new .credentials.json`);
        assert.equal(await inside(to, 'cat ~/.claude/.credentials.json'), text);
      }
      // What belongs to one conversation is its session's own, so that it outlives the container and no other slot reads it.
      const places = ['file-history', 'tasks', 'plans', 'paste-cache', 'shell-snapshots', 'session-env'];
      await inside(one, `cd ~/.claude && for place in ${places.join(' ')}; do echo mine >$place/mine; done`);
      assert.equal(await inside(two, 'find ~/.claude -name mine'), '');
      const saved = (place: string) =>
        join(desk.lab.home, '.coi/sessions-claude', one.session, '.claude', place, 'mine');
      for (const place of places) assert.equal(await readFile(saved(place), 'utf8'), 'mine\n');
      assert.equal((await lstat(join(login(), '.credentials.json'))).uid, uid);
      assert.equal(await readFile(join(login(), '.credentials.json'), 'utf8'), 'refreshed-login-2\n');
      assert.deepEqual(await filesWith(join(desk.lab.home, '.coi/sessions-claude'), 'refreshed-login'), []);
      for (const talk of talks) {
        const { transcript } = await talk.backend.call('session/show', { id: talk.session });
        assert.equal(transcript[0]?.text, `hello from slot ${talk.slot}`);
        assert.equal(
          talk.backend.slots.get(talk.container)?.shared?.[0],
          'a login of Claude Code that its slots share, with the settings and the history of prompts beside it',
        );
        // What is the same file for all names no slot; the file that it names is each slot's own.
        const memory = await inside(talk, 'cat ~/.claude/CLAUDE.md');
        assert.ok(memory.startsWith(MEMORY), 'nothing of it is lost');
        assert.equal(memory.match(/^Read ~\/SANDBOX_CONTEXT\.md first/gm)?.length, 1);
        assert.ok((await inside(talk, 'cat ~/SANDBOX_CONTEXT.md')).includes(talk.container));
        const names = await inside(talk, 'ls ~/.claude/projects/-workspace | grep jsonl');
        assert.equal(names, `${talk.session}.jsonl`);
      }
      assert.deepEqual(await readdir(join(login(), 'projects')), [], 'conversations are not in the login');
    });

    it('stays when all its slots are gone', async () => {
      for (const talk of talks) await talk.backend.call('slot/kill', { container: talk.container });
      await until('they are gone', async () =>
        (await Promise.all(talks.map(t => desk.lab.instance(t.container)))).every(i => i === undefined),
      );
      assert.equal(await readFile(join(login(), '.credentials.json'), 'utf8'), 'refreshed-login-2\n');
    });
  });
}

/** Looks all the time at the command lines of all processes and at what Incus tells of its operations, exec's environments among it. */
function watchHost(incus: Incus, secret: string): { end(): Promise<{ found: string[]; seen: Set<string> }> } {
  const [seen, found] = [new Set<string>(), new Set<string>()];
  const note = (text: string) => {
    seen.add(text);
    if (text.includes(secret)) found.add(text);
  };
  let ended = false;
  const processes = async () => {
    for (; !ended; await setTimeout(5)) {
      const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name));
      // One that ends meanwhile has no command line any more.
      for (const pid of pids) note(await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => ''));
    }
  };
  const operations = async () => {
    for (; !ended; await setTimeout(5))
      note(JSON.stringify(await incus.request('GET', '/1.0/operations?recursion=1', undefined)));
  };
  // What ends between two looks is told by Incus itself.
  const telling = incus.events({ onOpen: () => {}, onEvent: event => note(JSON.stringify(event)), onClose: () => {} });
  const looking = Promise.all([processes(), operations()]);
  return {
    end: async () => {
      ended = true;
      telling.close();
      await looking;
      return { found: [...found], seen };
    },
  };
}

/** Command lines of the host's processes, those of containers among them, that contain a text; this process's own apart. */
async function processesWith(text: string): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'args', '-ww']);
  return stdout.split('\n').filter(line => line.includes(text));
}

async function filesWith(directory: string, text: string): Promise<string[]> {
  // grep ends with 1 when nothing is found.
  const { stdout } = await run('grep', ['-rl', '--', text, directory]).catch(
    (error: { code: number; stdout: string }) => {
      if (error.code !== 1) throw error;
      return error;
    },
  );
  return stdout.split('\n').filter(line => line !== '');
}
