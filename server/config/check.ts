/** Something wrong with a value; `path` leads to it from the key. */
export interface Issue {
  path: (string | number)[];
  message: string;
}

/** Tells what is wrong with a raw value, and says the same as JSON Schema for editors of TOML. */
export interface Check {
  json: Record<string, unknown>;
  issues(raw: unknown): Issue[];
}

interface TextOptions {
  pattern?: RegExp;
  /** What the text must be, to follow "must be". */
  what?: string;
  /** Whether "" (not set) is fine. */
  empty?: boolean;
}

const here = (message: string): Issue[] => [{ path: [], message }];

/** A string, of a form when `pattern` is given. */
export function text(options: TextOptions = {}): Check {
  const { pattern, what = 'text in quotes', empty = true } = options;
  return {
    json: { type: 'string', ...(pattern ? { pattern: empty ? `^$|${pattern.source}` : pattern.source } : {}) },
    issues(raw) {
      if (typeof raw !== 'string') return here(`must be ${what}, not ${kindOf(raw)}`);
      if (/[\0\r\n]/.test(raw) && pattern) return here(`must be ${what}`);
      if (raw === '') return empty ? [] : here(`must be ${what}, not empty`);
      return pattern === undefined || pattern.test(raw) ? [] : here(`must be ${what}`);
    },
  };
}

/** One of the words. */
export function oneOf(...words: string[]): Check {
  const list = words.map(word => JSON.stringify(word)).join(', ');
  return {
    json: { enum: words },
    issues: raw => (typeof raw === 'string' && words.includes(raw) ? [] : here(`must be one of ${list}`)),
  };
}

/** true or false. */
export function flag(): Check {
  return {
    json: { type: 'boolean' },
    issues: raw => (typeof raw === 'boolean' ? [] : here(`must be true or false, not ${kindOf(raw)}`)),
  };
}

/** A whole number within bounds, both included. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): Check {
  const bounds =
    maximum === Number.MAX_SAFE_INTEGER ? `a whole number from ${minimum}` : `a whole number, ${minimum} to ${maximum}`;
  return {
    json: { type: 'integer', minimum, ...(maximum === Number.MAX_SAFE_INTEGER ? {} : { maximum }) },
    issues: raw =>
      typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= minimum && raw <= maximum
        ? []
        : here(`must be ${bounds}`),
  };
}

/** A number that is not negative. */
export function positive(): Check {
  return {
    json: { type: 'number', minimum: 0 },
    issues: raw => (typeof raw === 'number' && raw >= 0 ? [] : here('must be a number that is not negative')),
  };
}

/** A list of things of one kind. */
export function list(item: Check): Check {
  return {
    json: { type: 'array', items: item.json },
    issues(raw) {
      if (!Array.isArray(raw)) return here(`must be a list in [ ], not ${kindOf(raw)}`);
      return raw.flatMap((one, index) => under(index, item.issues(one)));
    },
  };
}

/** A table with free names of a form, and values of one kind. */
export function map(name: RegExp, what: string, value: Check): Check {
  return {
    json: { type: 'object', propertyNames: { pattern: name.source }, additionalProperties: value.json },
    issues(raw) {
      if (!isTable(raw)) return here(`must be a table, not ${kindOf(raw)}`);
      return Object.entries(raw).flatMap(([key, one]) =>
        name.test(key) ? under(key, value.issues(one)) : [{ path: [key], message: `must be named as ${what}` }],
      );
    },
  };
}

/** A table with fixed names. */
export function table(fields: Record<string, Check>, required: string[] = []): Check {
  const json = Object.fromEntries(Object.entries(fields).map(([key, check]) => [key, check.json]));
  return {
    json: { type: 'object', additionalProperties: false, properties: json, ...(required.length ? { required } : {}) },
    issues(raw) {
      if (!isTable(raw)) return here(`must be a table, not ${kindOf(raw)}`);
      const missing = required
        .filter(key => !Object.hasOwn(raw, key))
        .map(key => ({ path: [], message: `needs '${key}'` }));
      const wrong = Object.entries(raw).flatMap(([key, one]) => {
        const check = Object.hasOwn(fields, key) ? fields[key] : undefined;
        return check === undefined ? [{ path: [key], message: 'is not known here' }] : under(key, check.issues(one));
      });
      return [...missing, ...wrong];
    },
  };
}

/** Either of two kinds; the second one's issues are told. */
export function either(first: Check, second: Check): Check {
  return {
    json: { anyOf: [first.json, second.json] },
    issues: raw => (first.issues(raw).length === 0 ? [] : second.issues(raw)),
  };
}

/** Whether a parsed value is a table of TOML. */
export function isTable(raw: unknown): raw is Record<string, unknown> {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw) && !(raw instanceof Date);
}

function under(key: string | number, issues: Issue[]): Issue[] {
  return issues.map(issue => ({ path: [key, ...issue.path], message: issue.message }));
}

function kindOf(raw: unknown): string {
  if (Array.isArray(raw)) return 'a list';
  if (raw instanceof Date) return 'a date';
  if (typeof raw === 'boolean') return String(raw);
  return isTable(raw) ? 'a table' : `a ${typeof raw}`;
}
