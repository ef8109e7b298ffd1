import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { COMMAND_IDS, TERMINAL_PROFILE_ID, VIEW_ID, WALKTHROUGH_ID } from '../../../extension/ids.ts';
import { BACKEND_KEYS, CLIENT_KEYS, MACHINE_KEYS, WORKSPACE_KEYS } from '../../../extension/model/settingKeys.ts';
import { isEligible, slotTags, type Verb } from '../../../extension/model/tags.ts';
import { CONTEXT_DEFAULTS } from '../../../extension/views/contextDefaults.ts';
import { WELCOME_CASES } from '../../../extension/views/welcome.ts';
import { loadConfig } from '../../../server/config/load.ts';
import { specOf } from '../../../server/config/schema.ts';
import { SETTINGS } from '../../../server/config/settings.ts';
import type { SlotStatus } from '../../../server/protocol/types.ts';
import { aSlot } from './samples.ts';

interface MenuItem {
  command: string;
  when?: string;
  group?: string;
}

interface Setting {
  default: unknown;
  type: string | string[];
  scope: string;
  order: number;
  markdownDescription: string;
  pattern?: string;
  enum?: unknown[];
  enumItemLabels?: string[];
  minimum?: number;
  maximum?: number;
}

interface Manifest {
  files: string[];
  activationEvents: string[];
  icon: string;
  capabilities: { untrustedWorkspaces: { supported: string; restrictedConfigurations: string[] } };
  contributes: {
    commands: { command: string; title: string; category: string; icon?: string }[];
    menus: Record<string, MenuItem[]>;
    views: Record<string, { id: string }[]>;
    viewsContainers: { activitybar: { id: string; icon: string }[] };
    viewsWelcome: { view: string; contents: string; when: string }[];
    keybindings: MenuItem[];
    configuration: { properties: Record<string, Setting> }[];
    terminal: { profiles: { id: string }[] };
    walkthroughs: {
      id: string;
      steps: { description: string; media: { markdown: string }; completionEvents: string[] }[];
    }[];
  };
}

const ROOT = join(import.meta.dirname, '../../..');
const manifest: Manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const { contributes } = manifest;
const settings = Object.assign({}, ...contributes.configuration.map(section => section.properties)) as Record<
  string,
  Setting
>;
const allMenuItems = [...Object.values(contributes.menus).flat(), ...contributes.keybindings];
const sources = sourcesBelow(join(ROOT, 'extension'));

function sourcesBelow(directory: string): { path: string; text: string }[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.ts'))
    .map(path => ({ path, text: readFileSync(join(directory, path), 'utf8') }));
}

function sorted(values: Iterable<string>): string[] {
  return [...new Set(values)].sort();
}

function commandsIn(text: string): string[] {
  return [...text.matchAll(/\(command:([\w.]+)/g)].map(match => match[1] ?? '');
}

describe('commands', () => {
  it('of the manifest are those of the code', () => {
    assert.deepEqual(sorted(contributes.commands.map(each => each.command)), sorted(COMMAND_IDS));
  });

  it('are each made once, and registered through the one list', () => {
    const made = sources
      .filter(({ path }) => path.startsWith('commands/'))
      .flatMap(({ text }) => [...text.matchAll(/(?:\b(?:id|allId): |terminalCommand\()'(incusAgents\.\w+)'/g)])
      .map(match => match[1] ?? '');
    assert.deepEqual([...made].sort(), [...COMMAND_IDS].sort());
    const all = sources.find(({ path }) => path === 'commands/all.ts')?.text ?? '';
    assert.equal(all.slice(all.indexOf('= [')).match(/^ {2}\w+,$/gm)?.length, COMMAND_IDS.length);
  });

  it('have a title and the one category', () => {
    for (const { title, category, command } of contributes.commands) {
      assert.ok(title.length > 0, command);
      assert.equal(category, 'Incus Agents');
    }
  });

  it('in menus, keybindings, welcome texts and walkthrough exist', () => {
    const used = [
      ...allMenuItems.map(item => item.command),
      ...contributes.viewsWelcome.flatMap(each => commandsIn(each.contents)),
      ...contributes.walkthroughs.flatMap(each => each.steps.flatMap(step => commandsIn(step.description))),
    ].filter(id => id.startsWith('incusAgents.'));
    assert.deepEqual(
      sorted(used).filter(id => !(COMMAND_IDS as readonly string[]).includes(id)),
      [],
    );
  });

  it('are never hidden from the palette for good', () => {
    for (const { command, when } of contributes.menus.commandPalette ?? []) assert.notEqual(when, 'false', command);
  });
});

describe('views and context keys', () => {
  it('of the manifest are those of the code', () => {
    assert.deepEqual(
      Object.values(contributes.views)
        .flat()
        .map(view => view.id),
      [VIEW_ID],
    );
    assert.deepEqual(
      contributes.terminal.profiles.map(profile => profile.id),
      [TERMINAL_PROFILE_ID],
    );
    assert.deepEqual(
      contributes.walkthroughs.map(walkthrough => walkthrough.id),
      [WALKTHROUGH_ID],
    );
  });

  it('use no context key that nobody sets', () => {
    const whens = [...allMenuItems, ...contributes.viewsWelcome].map(each => each.when ?? '');
    const used = whens.flatMap(when =>
      [...when.replace(VIEW_ID, '').matchAll(/(?<!config\.)\bincusAgents\.\w+/g)].map(match => match[0]),
    );
    assert.deepEqual(sorted(used), sorted(Object.keys(CONTEXT_DEFAULTS)));
  });

  it('tick a step of the walkthrough by a command or a context key that there is', () => {
    const events = contributes.walkthroughs.flatMap(each => each.steps.flatMap(step => step.completionEvents));
    const known = [
      ...COMMAND_IDS.map(id => `onCommand:${id}`),
      ...Object.keys(CONTEXT_DEFAULTS).map(key => `onContext:${key}`),
    ];
    assert.deepEqual(
      events.filter(event => !known.includes(event)),
      [],
    );
  });

  it('set context keys in one place only', () => {
    const setters = sources.filter(({ text }) => text.includes("'setContext'")).map(({ path }) => path);
    assert.deepEqual(setters, ['views/contextKeys.ts']);
  });

  it('have one welcome text with a next step for each case', () => {
    const cases = contributes.viewsWelcome.map(({ when }) => / == (\w+)$/.exec(when)?.[1] ?? when);
    assert.deepEqual(sorted(cases), [...WELCOME_CASES].sort());
    for (const { when, contents } of contributes.viewsWelcome) {
      if (/== (loading|connecting)$/.test(when)) continue;
      assert.match(contents, /^\[[^\]]+\]\(command:[\w.]+\)$/m, when);
    }
  });
});

describe('menus of rows', () => {
  const items = contributes.menus['view/item/context'] ?? [];
  const statuses: SlotStatus[] = ['creating', 'starting', 'running', 'paused', 'stopping', 'stopped', 'failed'];
  const verbs: Verb[] = ['start', 'stop', 'close', 'delete', 'kill', 'pause', 'unpause', 'persist'];

  function shows(item: MenuItem, tags: string): boolean {
    const patterns = [...(item.when ?? '').matchAll(/viewItem =~ \/([^/]*)\//g)].map(
      match => new RegExp(match[1] ?? ''),
    );
    return patterns.every(pattern => pattern.test(tags));
  }

  it('offer what the code takes, in every state', () => {
    for (const verb of verbs) {
      const own = items.filter(item => item.command === `incusAgents.${verb}` && !item.group?.startsWith('inline'));
      for (const status of statuses) {
        for (const persistent of [true, false]) {
          const slot = aSlot({ status, persistent });
          const offered = own.some(item => shows(item, slotTags(slot, true)));
          assert.equal(offered, isEligible(verb, slot), `${verb} of a ${status} slot, persistent: ${persistent}`);
        }
      }
    }
  });

  it('have at most three inline acts on a row, none that destroys, each in the menu too', () => {
    const inline = items.filter(item => item.group?.startsWith('inline'));
    const tags = [
      ...statuses.map(status => slotTags(aSlot({ status }), true)),
      ' agent running present ',
      ' agent running gone ',
      slotTags(aSlot({ agentState: { state: 'exited', since: '' } }), true),
      ' session saved resumable own ',
      ' workspace own slots ',
    ];
    for (const tag of tags) assert.ok(inline.filter(item => shows(item, tag)).length <= 3, tag);
    for (const { command, group } of inline) {
      assert.doesNotMatch(command, /delete|kill|close/i);
      assert.ok(
        items.some(item => item.command === command && item.group !== group),
        command,
      );
    }
  });

  it('match whole tags only', () => {
    for (const { when = '' } of items) {
      for (const [, pattern = ''] of when.matchAll(/viewItem =~ \/([^/]*)\//g)) assert.match(pattern, /^ .* $/);
    }
  });
});

describe('settings', () => {
  const known = [...WORKSPACE_KEYS, ...MACHINE_KEYS, ...BACKEND_KEYS, ...CLIENT_KEYS].map(key => `incusAgents.${key}`);

  it('of the manifest are those of the code', () => {
    assert.deepEqual(sorted(Object.keys(settings)), sorted(known));
  });

  it('that a workspace may set are named, all others that reach the backend are the machine’s', () => {
    for (const key of [...MACHINE_KEYS, ...BACKEND_KEYS])
      assert.equal(settings[`incusAgents.${key}`]?.scope, 'machine', key);
    for (const key of WORKSPACE_KEYS)
      assert.match(settings[`incusAgents.${key}`]?.scope ?? '', /^(resource|window)$/, key);
    const { restrictedConfigurations, supported } = manifest.capabilities.untrustedWorkspaces;
    assert.equal(supported, 'limited');
    assert.deepEqual(sorted(restrictedConfigurations), sorted(WORKSPACE_KEYS.map(key => `incusAgents.${key}`)));
  });

  it('take what the backend takes, and nothing else', () => {
    for (const [name, key] of Object.entries(SETTINGS)) {
      const setting = settings[`incusAgents.${name}`];
      const { check } = specOf(key);
      const { json } = check;
      assert.equal(setting?.pattern, json.pattern, name);
      const values = setting?.enum ?? [setting?.default];
      for (const value of values.filter(each => each !== null))
        assert.deepEqual(check.issues(value), [], `${name}: ${value}`);
      const words = Array.isArray(json.enum) ? json.enum : [];
      assert.deepEqual(
        words.filter(word => word !== '' && !setting?.enum?.includes(word)),
        [],
        name,
      );
      for (const bound of [setting?.minimum, setting?.maximum])
        if (bound !== undefined) assert.deepEqual(check.issues(bound), [], `${name}: ${bound}`);
    }
  });

  it('that the files decide say so until they are set, and can be set back to that', () => {
    for (const name of Object.keys(SETTINGS)) {
      const setting = settings[`incusAgents.${name}`];
      const nothing = setting?.default === '' || setting?.default === null || isEmptyHolder(setting?.default);
      assert.ok(nothing, `${name} stands there as ${JSON.stringify(setting?.default)}, whatever is in force`);
      if (setting?.enum === undefined) continue;
      const label = setting.enumItemLabels?.[setting.enum.indexOf(setting.default)];
      assert.equal(label, 'As the configuration files say', name);
    }
  });

  it('that only the editor reads are the user’s own, where no trust is asked for', () => {
    const own = CLIENT_KEYS.filter(key => settings[`incusAgents.${key}`]?.scope === 'application');
    assert.deepEqual(own, ['notifications', 'confirmClose']);
  });

  it('have a sentence, an order of their own and a default that they allow', () => {
    for (const [key, setting] of Object.entries(settings)) {
      assert.match(setting.markdownDescription, /\.$/, key);
      if (setting.enum !== undefined) assert.ok(setting.enum.includes(setting.default), key);
      if (setting.pattern !== undefined) assert.match(String(setting.default), new RegExp(setting.pattern), key);
    }
    for (const { properties } of contributes.configuration) {
      const orders = Object.values(properties).map(setting => setting.order);
      assert.equal(new Set(orders).size, orders.length);
    }
  });
});

function isEmptyHolder(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

describe('files', () => {
  it('that the manifest names exist', () => {
    const icons = [manifest.icon, ...contributes.viewsContainers.activitybar.map(each => each.icon)];
    const pages = contributes.walkthroughs.flatMap(each => each.steps.map(step => step.media.markdown));
    for (const path of [...icons, ...pages]) assert.ok(existsSync(join(ROOT, path)), path);
  });

  it('that the README leads to are in the package', () => {
    const links = [...README.matchAll(/\]\(([^)#]+)\)/g)].map(match => match[1] ?? '');
    const missing = links
      .filter(link => !link.includes('://'))
      .filter(link => !existsSync(join(ROOT, link)) || !manifest.files.includes(link.split('/')[0] ?? ''));
    assert.deepEqual(missing, []);
  });

  it('of configuration in the README are taken as they stand there', async t => {
    const home = mkdtempSync(join(tmpdir(), 'incus-agents-readme-'));
    t.after(() => rmSync(home, { recursive: true, force: true }));
    const [workspace, file] = [join(home, 'work'), join(home, '.coi/config.toml')];
    for (const folder of [workspace, dirname(file)]) mkdirSync(folder);
    for (const [, text = ''] of README.matchAll(/```toml\n(.*?)```/gs)) {
      writeFileSync(file, text);
      const { problems } = await loadConfig({ home, workspace, systemDir: join(home, 'none'), settings: {} });
      assert.deepEqual(problems, [], text);
    }
  });

  it('activate the extension once the editor has started', () => {
    assert.deepEqual(manifest.activationEvents, ['onStartupFinished']);
  });
});
