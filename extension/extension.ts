import * as vscode from 'vscode';
import type { Backend } from './backend/backend.ts';
import type { CommandContext } from './commands/command.ts';
import { ErrorReporter } from './commands/errors.ts';
import { registerCommands } from './commands/register.ts';
import { createBackend, feed } from './connection.ts';
import { Diagnostics } from './diagnostics.ts';
import { EXTENSION_NAME, HAD_SLOT_KEY, TERMINAL_PROFILE_ID } from './ids.ts';
import { ImageCheck } from './imageCheck.ts';
import { ExtensionFailure } from './model/failures.ts';
import { Model } from './model/model.ts';
import { Settings } from './settings.ts';
import { localFolders } from './surroundings.ts';
import { TerminalInFront, watchTerminalInFront } from './terminals/inFront.ts';
import { ContainerLinks } from './terminals/links.ts';
import { ProfileProvider } from './terminals/profile.ts';
import { Terminals } from './terminals/terminals.ts';
import { ContextKeys } from './views/contextKeys.ts';
import { Decorations } from './views/decorations.ts';
import { Documents } from './views/documents.ts';
import { Notifications } from './views/notifications.ts';
import { SlotView } from './views/slotView.ts';
import { StatusBar } from './views/statusBar.ts';
import { Tooltips } from './views/tooltipSource.ts';
import { SlotTree } from './views/tree.ts';
import { rememberSlots, watchEditor, watchImage } from './watchers.ts';

const NOT_LINUX = 'Incus runs on Linux only. Open the folder on a Linux machine: over SSH, or in WSL.';

/** Remembers what is to be disposed of. */
type Keep = <T extends { dispose(): void }>(object: T) => T;

/**
 * Builds every object once, in order; they are disposed of in reverse. Nothing is awaited and no process is started here: the
 * backend comes with the first sight of the view, the first command, a terminal that was brought back, or a workspace that had slots.
 */
export function activate(context: vscode.ExtensionContext): void {
  const built: { dispose(): void }[] = [];
  const keep: Keep = object => {
    built.push(object);
    return object;
  };
  context.subscriptions.push({ dispose: () => built.reverse().forEach(object => void object.dispose()) });

  const log = keep(vscode.window.createOutputChannel(EXTENSION_NAME, { log: true }));
  const settings = new Settings();
  const linux = process.platform === 'linux';
  const model = keep(
    new Model({ folders: localFolders(), trusted: vscode.workspace.isTrusted, linux, imageMissing: false }),
  );
  const backend = keep(createBackend(context, settings, log));
  const begin = (): void => {
    if (linux) setImmediate(() => backend.start()); // Starting a process is no part of activating.
  };
  feed(backend, model, log).forEach(keep);
  watchEditor(backend, model, settings, log).forEach(keep);
  keep(rememberSlots(model, context.workspaceState));

  const documents = keep(new Documents());
  const terminals = keep(new Terminals(model, backend, settings));
  const tree = keep(new SlotTree(model, keep(new Tooltips(model, backend))));
  const keys = new ContextKeys();
  const image = new ImageCheck(model, backend, message => log.warn(message));
  const view = createView(model, tree, keys, begin, image, keep);
  watchImage(backend, model, view, image).forEach(keep);
  keep(watchTerminalInFront(model, terminals, keys));
  keep(new StatusBar(model));
  const whenReady = () => ready(backend, model);
  const diagnostics = keep(new Diagnostics(model, backend, whenReady, log));
  const commands: CommandContext = {
    ...{ model, backend, terminals, documents, diagnostics, settings, view, log },
    secrets: context.secrets,
    file: name => context.asAbsolutePath(name),
    memory: context.workspaceState,
    errors: new ErrorReporter(model, log),
    ready: whenReady,
    restartBackend: () => restart(backend, model),
  };
  keep(registerCommands(commands));
  registerProviders(commands, keep);
  keep(terminals.onDidAdopt(begin));
  terminals.adoptExisting();
  if (context.workspaceState.get(HAD_SLOT_KEY, false)) begin();
}

function createView(
  model: Model,
  tree: SlotTree,
  keys: ContextKeys,
  begin: () => void,
  image: ImageCheck,
  keep: Keep,
): SlotView {
  const onVisible = (): void => {
    begin();
    void image.run();
  };
  return keep(new SlotView(model, tree, keys, onVisible));
}

function registerProviders(context: CommandContext, keep: Keep): void {
  const { model, terminals, settings, ready: whenReady } = context;
  const decorations = new Decorations(model);
  keep(decorations);
  keep(vscode.window.registerFileDecorationProvider(decorations));
  const front = keep(new TerminalInFront(terminals));
  const profile = new ProfileProvider(model, terminals, whenReady);
  keep(vscode.window.registerTerminalProfileProvider(TERMINAL_PROFILE_ID, profile));
  keep(vscode.window.registerTerminalLinkProvider(new ContainerLinks(model, terminals)));
  keep(
    new Notifications(model, {
      mode: () => settings.notifications(),
      inFront: () => front.agent(),
      open: container => context.errors.run('Opening the terminal failed', () => terminals.open(container, 'agent')),
    }),
  );
}

async function restart(backend: Backend, model: Model): Promise<void> {
  backend.restart();
  await backend.request('state/get', {});
  await ready(backend, model);
}

/** Settles when the backend is connected and the model holds its state; fails as the connection does. */
async function ready(backend: Backend, model: Model): Promise<void> {
  if (process.platform !== 'linux') throw new ExtensionFailure('unavailable', NOT_LINUX);
  if (model.link.state === 'ready' && model.loaded) return;
  await backend.request('state/get', {});
}
