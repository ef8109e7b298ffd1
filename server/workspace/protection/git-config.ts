/** One variable of git's configuration. */
export interface GitVariable {
  /** Section and name in lower case; the subsection is left out. */
  section: string;
  name: string;
  value: string;
}

const SECTION = /^\[[ \t]*([A-Za-z0-9.-]+)(?:[ \t]+"(?:[^"\\]|\\.)*")?[ \t]*\]/;
const VARIABLE = /^([A-Za-z][A-Za-z0-9-]*)[ \t]*(?:=([\s\S]*))?$/;

/**
 * Reads git's configuration as text (git-config(1), "Syntax"): no git may run that obeys it. What git would not understand is left out.
 */
export function parseGitConfig(text: string): GitVariable[] {
  const found: GitVariable[] = [];
  let section = '';
  for (const line of logicalLines(text)) {
    let rest = line.trimStart();
    const head = SECTION.exec(rest);
    if (head !== null) {
      section = (head[1] ?? '').toLowerCase().replace(/\..*/, '');
      rest = rest.slice(head[0].length).trimStart();
    }
    const [, name, value] = VARIABLE.exec(rest) ?? [];
    if (name !== undefined) found.push({ section, name: name.toLowerCase(), value: plainValue(value ?? 'true') });
  }
  return found;
}

/** Lines, with those that a backslash continues in one. */
function logicalLines(text: string): string[] {
  return (text.replaceAll('\r\n', '\n').match(/(?:[^\\\n]|\\[\s\S])+/g) ?? []).map(line => line.replaceAll('\\\n', ''));
}

/** A value without quotes, escapes and comment. */
function plainValue(raw: string): string {
  let value = '';
  let kept = 0;
  let quoted = false;
  for (let i = 0; i < raw.length; i++) {
    const c = raw[i] ?? '';
    if (c === '"') quoted = !quoted;
    else if (!quoted && (c === '#' || c === ';')) break;
    else if (c === '\\') value += ESCAPES[raw[++i] ?? ''] ?? raw[i] ?? '';
    else if (quoted || !/[ \t]/.test(c) || value !== '') value += c;
    if (quoted || c === '"' || !/[ \t]/.test(c)) kept = value.length;
  }
  return value.slice(0, kept);
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b' };

/** Whether git must see it as set: no value, or one that means yes. */
export function isTrue(value: string): boolean {
  return /^(true|yes|on|[1-9]\d*)$/i.test(value);
}
