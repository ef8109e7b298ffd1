import type { Agent, AgentFile, LaunchOptions, StateDir } from './types.ts';

/** Name of the file in the signals directory that hooks append their lines to. */
const SIGNALS_FILE = 'events';

/** Directory inside for what we put into the home, apart from the agents' own files. */
export function ownDirectory(home: string): string {
  return `${home}/.incus-agents`;
}

/** Where the agents' hooks leave their lines, as a directory of the session. */
export const SIGNALS: StateDir = { saved: 'signals', home: '.incus-agents/signals', volatile: true };

/** Everything of a session's directory that is mounted for an agent; `sharedLogin`: its login is one for several slots. */
export function mountedDirs(agent: Agent, sharedLogin = false): StateDir[] {
  const own = sharedLogin ? (agent.login.own ?? []) : [];
  return [...agent.stateDirs, ...own.map(path => ({ saved: path, home: path })), SIGNALS];
}

/** Where the program lies inside that hooks call. */
export function signalProgram(home: string): string {
  return `${ownDirectory(home)}/signal`;
}

/**
 * `signal WORD [PAYLOAD]` appends one line `WORD SECONDS PAYLOAD` to the events file. Without a second argument the
 * payload is the hook's standard input. A line stays below PIPE_BUF, so that lines of several hooks never mix. The file starts
 * again when it has grown large. The program never fails and never prints anything but `{}` (Gemini wants JSON of a hook).
 *
 * An agent that the agent runs has the same hooks, and its turns are not the session's. Ids cannot tell the two apart, since the agent
 * itself may go on to another conversation. So the process that speaks first after the launch script, and comes from it, is noted in
 * `speaker` with its start; while it lives, no other one is heard. Whose hook it is tells the nearest process above that is no shell.
 */
const SCRIPT = `#!/bin/sh
file=\${INCUS_AGENTS_SIGNALS:-DIRECTORY}/${SIGNALS_FILE}
if [ $# -gt 1 ]; then payload=$(printf %s "$2" | head -c 3000 | tr '\\n\\r' '  ')
elif [ -t 0 ]; then payload=
else payload=$(head -c 3000 | tr '\\n\\r' '  '); cat >/dev/null
fi
origin() {
  launch= who= own= pid=$PPID
  read -r launch <"\${0%/*}/running"
  while [ "\${pid:-0}" -gt 1 ] && read -r stat <"/proc/$pid/stat"; do
    name=\${stat#*(} name=\${name%)*}
    set -- \${stat##*)}
    case $name in sh|ash|dash|bash|zsh|fish|gemini-question) ;; *) who=\${who:-"$pid \${20}"} ;; esac
    [ "$pid" != "$launch" ] || own=yes
    pid=$2
  done
} 2>/dev/null
lives() {
  began=$2
  read -r stat <"/proc/\${1:-none}/stat" && set -- \${stat##*)} && [ "$1" != Z ] && [ "\${20}" = "$began" ]
} 2>/dev/null
origin
speaker=
read -r speaker 2>/dev/null <"\${file%/*}/speaker"
if [ -n "$who" ] && [ "$who" != "$speaker" ]; then
  if lives $speaker; then echo '{}'; exit 0; fi
  [ -z "$own" ] || printf '%s\\n' "$who" 2>/dev/null >"\${file%/*}/speaker"
fi
if [ -h "$file" ] || [ "$(wc -c 2>/dev/null <"$file" || echo 0)" -gt 262144 ]; then rm -f "$file"; fi
printf '%s %s %s\\n' "$1" "$(date +%s)" "$payload" 2>/dev/null >>"$file"
echo '{}'
exit 0
`;

/** The program that hooks call. */
export function signalFile(options: LaunchOptions): AgentFile {
  return {
    path: signalProgram(options.home),
    content: SCRIPT.replace('DIRECTORY', options.signalsDir),
    mode: 0o755,
  };
}
