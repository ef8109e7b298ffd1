import { Failure } from '../base/errors.ts';

/** Words of a shell without anything that a shell would look into, each ended: a line break in a quoted word leaves its line unended. */
const WORD = `(?:[\\w./:=%@+-]|'[^']*'|\\\\')+`;
const HOOK = new RegExp(`^lxc\\.hook\\.(?:pre-start|start-host|stop|post-stop) = ${WORD}(?: ${WORD})*$`);
/** Six fields as in fstab(5), where blanks of a path are written in octal. */
const ENTRY = /^lxc\.mount\.entry = (?:[^\s\0]+ ){4}0 0$/;

/**
 * Checks text for `raw.lxc` that we made: every line is a whole one of a form that we use. What stands in a line can come from the name of a folder, and
 * hooks run as root on the host, so a name must never become a line of its own. Fails with `isolation`.
 */
export function requireWholeLines(text: string): void {
  const odd = text.split('\n').find(line => !HOOK.test(line) && !ENTRY.test(line));
  if (odd === undefined) return;
  throw new Failure('isolation', 'The container would be made with a line that is not ours, so it is not made.', {
    hint: 'Look for line breaks in the names of the folders that are to be mounted, and rename them.',
    detail: JSON.stringify(odd.slice(0, 200)),
  });
}
