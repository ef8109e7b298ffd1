// Prints the milliseconds that loading and activating the bundled extension take, in an editor whose every function does nothing.
const { Module } = require('node:module');

const nothing = new Proxy(function stub() {}, {
  get: (_target, name) => {
    if (name === Symbol.toPrimitive) return () => '';
    if (name === Symbol.iterator) return () => [][Symbol.iterator]();
    if (name === 'then') return undefined;
    return nothing;
  },
  set: () => true,
  apply: () => nothing,
  construct: () => nothing,
});
class Emitter {
  event = () => ({ dispose() {} });
  fire() {}
  dispose() {}
}
const lists = { terminals: [], workspaceFolders: [], all: [] };
const part = base =>
  new Proxy(base, { get: (target, name) => (name in target ? target[name] : name in lists ? lists[name] : nothing) });
// Bundles copy a module's own names and leave the rest to its prototype, so the prototype answers.
const answers = new Proxy(
  {
    EventEmitter: Emitter,
    window: part({}),
    workspace: part({}),
    TreeItem: class {},
    ThemeIcon: class {},
    ThemeColor: class {},
    MarkdownString: class {},
    Disposable: class Disposable {
      static from() {
        return new Disposable();
      }
      dispose() {}
    },
  },
  { get: (target, name) => (name in target ? target[name] : nothing) },
);
const editor = Object.create(answers);
const load = Module._load;
Module._load = (request, ...rest) => (request === 'vscode' ? editor : load(request, ...rest));

const context = part({
  subscriptions: [],
  extensionPath: process.cwd(),
  asAbsolutePath: path => path,
  extension: { packageJSON: { version: '0.0.0' } },
  workspaceState: { get: (_key, fallback) => fallback, update: async () => {}, keys: () => [] },
  globalState: { get: (_key, fallback) => fallback, update: async () => {}, keys: () => [], setKeysForSync() {} },
});
const start = performance.now();
require(process.argv[2]).activate(context);
process.stdout.write(String(performance.now() - start), () => process.exit(0));
