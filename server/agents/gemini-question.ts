import { ownDirectory, signalProgram } from './signal.ts';
import type { AgentFile } from './types.ts';

/** Where the program lies inside that the hook for questions calls. */
export function questionProgram(home: string): string {
  return `${ownDirectory(home)}/gemini-question`;
}

/**
 * Gemini runs no hook when a question is answered with Esc, but it notes so in its chat file. This tells of the question
 * and follows that file (inotify, by tail) until the next line that says how it went on.
 */
export function questionFile(home: string): AgentFile {
  const content = `#!/bin/sh
payload=$(head -c 3000)
cat >/dev/null
'${signalProgram(home)}' waiting "$payload"
chat=$(printf %s "$payload" | sed -n 's/.*"transcript_path" *: *"\\([^"]*\\)".*/\\1/p')
[ -f "$chat" ] || exit 0
follow='tail -n 0 -F "$1" 2>/dev/null | while IFS= read -r line; do
  case $line in
    *"\\"type\\":\\"info\\""*cancelled*) "$2" idle "" >/dev/null; break ;;
    *"\\"type\\":\\"user\\""*|*"\\"status\\":\\"success\\""*|*"\\"status\\":\\"error\\""*) break ;;
  esac
done'
setsid sh -c "$follow" follow "$chat" '${signalProgram(home)}' >/dev/null 2>&1 </dev/null &
exit 0
`;
  return { path: questionProgram(home), content, mode: 0o755 };
}
