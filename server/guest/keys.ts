import { randomUUID } from 'node:crypto';
import { tmuxDirectory, tmuxSession } from './start.ts';

/** An exec inside as the code user; text goes through stdin, so that it stands in no process list. */
export interface GuestExec {
  argv: string[];
  stdin?: string;
  user: number;
  group: number;
  env: Record<string, string>;
}

export interface SessionOptions {
  container: string;
  uid: number;
  gid: number;
  home: string;
  /** See AttachOptions. */
  tmuxEnv: boolean;
  /** Name of the agent; what is typed for `shell` goes to whatever is shown. */
  agent: string;
}

/** Milliseconds between a paste and Enter that the slowest agents need: Codex swallows one within 120 ms, to Gemini it is part of the paste. */
const ENTER_PAUSE_MS = 200;

/** tmux's exit code stays; 66 stands for "no such session", 67 for "the agent has ended, its session is there". */
export const NO_SESSION = 66;
export const NO_AGENT = 67;

/**
 * Finds the pane of the agent in the session $1, `shown` and `pane`, and else sets `code`. It is the one whose first process starts
 * the agent and waits for it (our launch script, or coi's words), or one in which the agent $2 was begun again by hand. Where it is
 * in neither there are shells, which would run what is meant for the agent.
 */
const FIND = `line() { tr '\\0\\n' '  ' <"/proc/$1/cmdline" | head -c 4000; }
isagent() {
  words=$1
  case \${words%% *} in node|*/node|bun|*/bun|python3|*/python3) words=" $words" ;; *) words=" \${words%% *} " ;; esac
  case $words in *" $agent "*|*"/$agent "*) return 0 ;; esac
  return 1
}
find() {
  shown= other=
  while read -r id pid at; do
    [ "$at" != 11 ] || shown=$id
    case $(line "$pid") in *"/.incus-agents/launch "*|*"trap : INT;"*) echo "$id $id"; return ;; esac
    read -r stat <"/proc/$pid/stat" && set -- \${stat##*) } && isagent "$(line "$6")" && other=$id
  done 2>/dev/null
  [ "$agent" != shell ] || other=$shown
  echo "$shown $other"
}
agent=$2 code=${NO_SESSION} shown= pane=
if tmux has-session -t "=$1" 2>/dev/null; then
  code=${NO_AGENT}
  found=$(tmux list-panes -s -t "=$1" -F '#{pane_id} #{pane_pid} #{window_active}#{pane_active}' | find)
  shown=\${found%% *} pane=\${found#* }
fi
`;

/**
 * Incus now and then loses sight of a command that it has begun, so that it runs a second time, perhaps beside the first: in one step of tmux
 * the text is pasted and its number, $4, noted, by whoever comes first. That one presses Enter.
 */
const SEND = `${FIND}[ -n "$pane" ] || { cat >/dev/null; exit $code; }
noted() { tmux show-options -qv -t "=$session:" "$1"; }
session=$1 b=incus-agents-$$; tmux load-buffer -b "$b" - || exit 1
tmux if-shell -F -t "=$1:" "#{==:#{@incus-agents-sent},$4}" "delete-buffer -b $b" "paste-buffer -p -d -b $b -t $pane ; \
set-option -q -t '=$1:' @incus-agents-sent $4 ; set-option -q -t '=$1:' @incus-agents-by $$"
[ "$(noted @incus-agents-sent)" = "$4" ] || exit 1
[ "$(noted @incus-agents-by)" = $$ ] || exit 0
[ "$3" = no ] || { sleep "$3"; tmux send-keys -t "$pane" Enter; }`;

const ENTER = `${FIND}[ -n "$pane" ] || exit $code; tmux send-keys -t "$pane" Enter`;

const CAPTURE = `${FIND}pane=\${pane:-$shown}; [ -n "$pane" ] || exit $code; exec tmux capture-pane -p -J -S "$3" -t "$pane"`;

/** What a terminal would take for keys or for the end of a paste: controls, but not tab and line feed. */
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * Pastes text into the agent as a user would (bracketed if the agent asked for that), then, unless `enter` is false, presses Enter.
 * Control characters are left out of it: a file that was selected must press no keys.
 */
export function sendKeys(o: SessionOptions, given: string, enter = true, pauseMs = ENTER_PAUSE_MS): GuestExec {
  const text = given.replace(CONTROLS, '');
  const session = tmuxSession(o.container);
  // An empty buffer cannot be loaded.
  if (text === '') return exec(o, [enter ? ENTER : ':', 'send', session, o.agent]);
  const pause = enter ? (pauseMs / 1000).toFixed(3) : 'no';
  return { ...exec(o, [SEND, 'send', session, o.agent, pause, randomUUID()]), stdin: text };
}

/** The screen and up to `lines` lines of history above it; wrapped lines are joined. Cut the result with lastLines. */
export function capture(o: SessionOptions, lines = 0): GuestExec {
  const start = Number.isSafeInteger(lines) && lines > 0 ? -Math.min(lines, 50_000) : 0;
  return exec(o, [CAPTURE, 'capture', tmuxSession(o.container), o.agent, `${start}`]);
}

/** The last `lines` lines of a capture, without the blank ones at its end. */
export function lastLines(text: string, lines?: number): string {
  const all = text.replace(/\s+$/, '').split('\n');
  return (lines === undefined ? all : all.slice(-lines)).join('\n');
}

/** Stands for the name of an agent that nothing is called. */
const NOTHING = '\u0001';

/** Whether the agent is there: exit code 0, NO_SESSION or NO_AGENT. A shell that is not the one that was started is none. */
export function hasAgent(o: SessionOptions): GuestExec {
  const agent = o.agent === 'shell' ? NOTHING : o.agent;
  return exec(o, [`${FIND}[ -n "$pane" ] || exit $code`, 'has-agent', tmuxSession(o.container), agent]);
}

/** Whether the agent's tmux session is there: exit code 0. */
export function hasSession(o: SessionOptions): GuestExec {
  return exec(o, ['exec tmux has-session -t "=$1"', 'has-session', tmuxSession(o.container)]);
}

/** Of each pane of the agent's session: when its window changed (seconds), a sum of its screen, and the command line of what has its terminal. */
const LOOK = `tmux has-session -t "=$1" 2>/dev/null || exit ${NO_SESSION}
tmux list-panes -s -t "=$1" -F '#{window_activity} #{pane_pid} #{pane_id}' | head -n 8 | while read -r changed pid id; do
  read -r stat <"/proc/$pid/stat" || continue
  set -- \${stat##*) }
  words=$(tr '\\0\\n' '  ' <"/proc/$6/cmdline" | head -c 300)
  set -- $(tmux capture-pane -p -t "$id" | cksum)
  printf '%s %s %s\\n' "$changed" "\${1:-0}" "$words"
done`;

/** Tells what is in the agent's session; read by `parseLook`. */
export function look(o: SessionOptions): GuestExec {
  return exec(o, [LOOK, 'look', tmuxSession(o.container)]);
}

/** What has the terminal of the agent's session. */
export interface Foreground {
  seen: 'none' | 'shell' | 'program';
  /** Its command line, cut: hostile text. */
  command?: string;
  /** When the screen changed last (ms). */
  changedAt?: number;
  /** A sum of what is on the screen: another one says that it has changed, unlike output that draws the same again. */
  screen?: string;
}

/** A shell that waits for somebody to type: one that was given nothing to run. */
const BARE_SHELL = /^-?(?:\S*\/)?(?:ba|da|z|fi|k|a)?sh(?: -[il]+| --login)* *$/;

/** What `look` printed; undefined when it cannot be understood. `now` in ms bounds the times, which come from inside. */
export function parseLook(exitCode: number, text: string, now: number): Foreground | undefined {
  if (exitCode === NO_SESSION) return { seen: 'none' };
  const panes = text.split('\n').flatMap(line => {
    const [, seconds, screen, command] = /^(\d{1,12}) (\d{1,12}) (.*\S) *$/.exec(line) ?? [];
    if (seconds === undefined || screen === undefined || command === undefined) return [];
    return [{ changedAt: Math.min(Number(seconds) * 1000, now), screen, command }];
  });
  const program = panes.find(pane => !BARE_SHELL.test(pane.command));
  if (program !== undefined) return { seen: 'program', ...program };
  return panes.length === 0 ? undefined : { seen: 'shell' };
}

function exec(o: SessionOptions, words: string[]): GuestExec {
  const env = { HOME: o.home, LANG: 'C.UTF-8', ...(o.tmuxEnv ? { TMUX_TMPDIR: tmuxDirectory(o.home) } : {}) };
  return { argv: ['/bin/sh', '-c', ...words], user: o.uid, group: o.gid, env };
}
