import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { AgentState, Slot } from '../../../server/protocol/types.ts';
import { isReply, type TestBackend } from '../../support/backend.ts';
import { incusCli, runTerminal } from '../flows/support.ts';
import { typeUntil, until } from '../support.ts';
import { type Desk, KEY, makeDesk } from './support.ts';
import { openTalk, type Talk } from './talk.ts';

describe('the state of real claude at two clients', { skip: process.getuid?.() !== 0 }, () => {
  let desk: Desk;
  let backend: TestBackend;
  let second: TestBackend;
  let workspace: string;
  let talk: Talk;
  const o = { settings: { permissionMode: 'interactive' }, secrets: { 'claude-key': KEY } };
  before(async () => {
    desk = await makeDesk('', { slow: 600_000 });
    workspace = await desk.workspace();
    backend = await desk.backend(o);
    second = await desk.backend(o);
  });
  after(() => desk.close());

  /** Both clients come to the state. */
  async function both(state: AgentState['state']): Promise<Slot> {
    const slot = await talk.state(state);
    await second.when(talk.container, s => s?.agentState.state === state);
    return slot;
  }
  const shows = (text: string) =>
    until(`the screen shows ${text}`, async () => (await talk.screen()).includes(text), 90_000);

  it('begins with starting and is never unknown', async () => {
    talk = await openTalk(desk, backend, workspace, { agent: 'claude' });
    await both('idle');
    const states = backend.changes.flatMap(c => c.slots ?? []).filter(s => s.container === talk.container);
    assert.equal(states[0]?.agentState.state, 'starting');
    assert.deepEqual(
      states.filter(s => s.agentState.state === 'unknown').map(s => s.agentState),
      [],
    );
  });

  it('a permission question is waiting with the tool’s name, Esc is idle', async () => {
    await shows('❯');
    await backend.call('slot/send', { container: talk.container, text: 'please RUN-A-COMMAND' });
    const slot = await both('waiting');
    assert.match(slot.agentState.why ?? '', /^Waits for your answer: \w+/);
    await shows('Do you want to proceed');
    // Its Enter would be a yes.
    const prompted = backend.call('slot/open', { workspace, resume: talk.session, prompt: 'go on' });
    await assert.rejects(prompted, isReply('conflict', /asks something, so the prompt was not sent/));
    await talk.leave('Do you want to proceed');
    await both('idle');
  });

  it('a prompt is working; a paused container keeps the state; a new backend finds it', async () => {
    await talk.key('C-u');
    await backend.call('slot/send', { container: talk.container, text: 'a SLOW prompt' });
    await both('working');
    // Its own list of what runs says so too by then; frozen before that, it could not.
    await until('it asks the model', () => talk.model.with('a SLOW prompt')[0], 90_000);
    await backend.call('slot/pause', { container: talk.container });
    const paused = await backend.when(talk.container, s => s?.status === 'paused');
    assert.equal(paused?.agentState.state, 'working');
    await backend.call('slot/unpause', { container: talk.container });
    const third = await desk.backend(o);
    const found = await third.when(talk.container, s => s?.agentState.state === 'working');
    assert.equal(found?.session, talk.session);
    await third.end();
    await talk.escape();
    await both('idle');
  });

  it('a kill is failed; nothing is typed into the shell that is left, and the agent goes on in its place', async () => {
    await talk.key('C-u');
    await talk.turn('before its end');
    // A claude that runs inside it is listed beside it, and its conversation is the newest.
    await backend.call('slot/send', { container: talk.container, text: '! claude -p "a nested SLOW SLOW one"' });
    await until('the nested one asks the model', () => talk.model.with('a nested SLOW')[0], 90_000);
    await both('working');
    await talk.inside('pkill', '-KILL', '-x', 'claude');
    assert.equal((await both('failed')).agentState.why, 'The agent was killed.');
    const text = 'touch typed-into-a-shell';
    await assert.rejects(
      backend.call('slot/send', { container: talk.container, text }),
      isReply('agent', /it has ended, and a shell is in its place/),
    );
    const terminal = runTerminal(await backend.call('slot/attach', { container: talk.container }), desk.lab.home);
    let output = '';
    terminal.stdout.on('data', chunk => (output += chunk));
    const type = () => void terminal.stdin.write('echo shell-$((6*7))\n');
    await typeUntil('its shell is there for a person', type, () => output.includes('shell-42'));
    assert.equal(await talk.inside('tmux', 'new-window', '-d', '-n', 'mine', 'sleep 4711'), 0);
    // Its own first request shows that it is the agent that gets the prompt, with what was said before.
    await backend.call('slot/open', { workspace, resume: talk.session, prompt: text });
    assert.match((await talk.asked(text)).text, /before its end/);
    await both('idle');
    const clients = ['sh', '-c', `test "$(tmux list-clients -t =coi-${talk.container} | wc -l)" = 1`];
    assert.equal(await talk.inside(...clients), 0, 'the terminal is attached to it');
    terminal.kill();
    assert.equal(await talk.inside('pgrep', '-f', '^sleep 4711'), 0);
    await talk.inside('pkill', '-KILL', '-x', 'claude');
    await both('failed');
    // As one who keeps such files elsewhere.
    const move = 'cd ~ && mkdir dot && mv .claude.json dot && ln -s dot/.claude.json . && sed -i "$0" dot/.claude.json';
    assert.equal(await talk.inside('sh', '-c', move, 's|"projects": {|&"/mine": {},|'), 0);
    await backend.call('slot/start', { container: talk.container });
    await both('idle');
    const look = ['sh', '-c', 'ls -l ~/.claude.json; grep -oE "/mine|hasTrustDialogAccepted" ~/.claude.json | sort -u'];
    const { stdout } = await backend.call('slot/exec', { container: talk.container, argv: look });
    assert.match(stdout, /-> dot\/\.claude\.json\n\/mine\nhasTrustDialogAccepted\n$/);
    assert.equal(await talk.inside('ls', 'typed-into-a-shell'), 2);
  });

  it('the end of tmux, a restart and the end of the container are exited', async () => {
    await backend.call('slot/exec', { container: talk.container, argv: ['tmux', 'kill-server'] });
    await both('exited');
    await backend.call('slot/open', { workspace, resume: talk.session });
    await both('idle');
    // Nothing is left to say so: Incus tells only that the container was started anew.
    await incusCli('restart', '-f', talk.container);
    await both('exited');
    // Too large to be merged: it is left alone, and stands in nobody's way.
    assert.equal(await talk.inside('sh', '-c', 'head -c 17000000 /dev/zero | tr "\\0" " " >>~/.claude.json'), 0);
    await backend.call('slot/open', { workspace, resume: talk.session });
    await both('idle');
    await incusCli('stop', '-f', talk.container);
    for (const client of [backend, second]) {
      const slot = await client.when(talk.container, s => s?.status === 'stopped' && s.agentState.state === 'exited');
      assert.ok(slot);
    }
    await backend.call('slot/kill', { container: talk.container });
  });

  it('an agent in the background shows its screen and its end without a terminal', async () => {
    talk = await openTalk(desk, backend, workspace, { agent: 'claude', background: true, prompt: 'do it alone' });
    await talk.asked('do it alone');
    assert.match(await talk.screen(), /stand-in answer to/);
    // A turn so short that the conversation is written down only after its end.
    await until('the prompt to be the title', async () =>
      backend.changes.flatMap(c => c.sessions ?? []).some(s => s.id === talk.session && s.title === 'do it alone'),
    );
    await backend.call('slot/send', { container: talk.container, text: '/exit' });
    const slot = await both('exited');
    assert.equal(slot.agentState.why, 'The agent was ended.');
  });

  it('a claude begun by hand in the place of the one that ended is the agent, and its conversation goes on', async () => {
    await talk.shows('/workspace$');
    await backend.call('slot/exec', {
      container: talk.container,
      argv: ['tmux', 'send-keys', '-t', `=coi-${talk.container}:`, `ANTHROPIC_API_KEY=${KEY} claude`, 'Enter'],
    });
    await talk.turn('of the one by hand');
    await backend.call('slot/kill', { container: talk.container });
    talk = await openTalk(desk, backend, workspace, { resume: talk.session });
    const { text } = await talk.turn('of both');
    assert.match(text, /of the one by hand/);
    assert.doesNotMatch(text, /do it alone/);
    await backend.call('slot/kill', { container: talk.container });
  });
});
