import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { agentNamed, agentNames } from './agents/registry.ts';
import { Attention } from './attention/attention.ts';
import { Failure, messageOf } from './base/errors.ts';
import type { Log } from './base/log.ts';
import { Serial } from './base/serial.ts';
import type { App, AppOptions } from './connections/app.ts';
import type { FlowDeps } from './flows/deps.ts';
import { LimitGuard } from './flows/limit-guard.ts';
import { Mending } from './flows/mending.ts';
import { Reservations } from './flows/open/reservation.ts';
import { SessionBoard } from './flows/sessions/board.ts';
import { Lookout } from './flows/sessions/lookout.ts';
import { incusTarget } from './flows/target.ts';
import { type GuestFiles, loadGuestFiles } from './guest/files.ts';
import { readBuildScripts } from './images/scripts.ts';
import type { BuildScripts } from './images/types.ts';
import { Incus } from './incus/client.ts';
import type { Instance } from './incus/types/instance.ts';
import { Messages } from './messages.ts';
import { createHandlers } from './methods/create.ts';
import { SlotNetworks } from './network/networks.ts';
import type { IncusState } from './protocol/types.ts';
import { Readiness } from './readiness.ts';
import { SessionStore } from './sessions/store.ts';
import type { ConversationReader } from './sessions/types.ts';
import { identify } from './slots/keys.ts';
import { parseContainerName } from './slots/names.ts';
import { AddressFinder } from './state/addresses.ts';
import { SlotBoard } from './state/board.ts';
import { InstanceMirror, type MirrorSink } from './state/mirror.ts';
import { StateStore } from './state/store.ts';
import { TrustStore } from './trust/store.ts';

/** Builds every object of the backend once, and connects them. Reads all files that are needed later. */
export async function createApp(given: AppOptions): Promise<App> {
  const messages = new Messages(given.log);
  const options = { ...given, log: messages.told(given.log) };
  const files = await filesOf(mediaDirectory());
  const incus = new Incus(await incusTarget(options), options.log);
  const parts: Parts = makeParts(options, incus, messages, () => deps);
  const deps = flowDeps(options, parts, files);
  await parts.sessionBoard.list();
  parts.mirror.start();
  return appOf(parts, createHandlers(deps));
}

/** What lives as long as the backend. */
interface Parts extends Followers {
  incus: Incus;
  store: StateStore;
  board: SlotBoard;
  serial: Serial;
  sessions: SessionStore;
  mirror: InstanceMirror;
  readiness: Readiness;
  messages: Messages;
}

/** Who is told of each instance that is ours, in this order. */
interface Followers {
  addresses: AddressFinder;
  sessionBoard: SessionBoard;
  lookout: Lookout;
  limits: LimitGuard;
  networks: SlotNetworks;
  mending: Mending;
}

/** `deps` is asked for only once something happens. */
function makeParts({ log, home, clients }: AppOptions, incus: Incus, messages: Messages, deps: () => FlowDeps): Parts {
  const store = new StateStore();
  const board = new SlotBoard(store, identify);
  const sessions = new SessionStore({ home, log, reader: readerOf });
  const attention = new Attention(log);
  const readiness = new Readiness();
  const followers: Followers = {
    addresses: new AddressFinder(incus, (name, ip) => board.note(name, { ip }), log),
    sessionBoard: new SessionBoard({ sessions, attention, board, store, log }),
    lookout: new Lookout({ incus, attention, board, log, watched: () => clients() > 0 }),
    limits: new LimitGuard(deps, { incus, board, log }),
    networks: new SlotNetworks(incus, log, home),
    mending: new Mending(deps),
  };
  store.onChange(change => followers.limits.changed(change));
  const onIncus = (state: IncusState) => {
    store.setIncus(state);
    readiness.set(state);
    if (state.status === 'ready') void followers.mending.run();
  };
  const mirror = new InstanceMirror(incus, sinkOf(board, followers, onIncus, log), log);
  const common = {
    incus,
    store,
    board,
    serial: new Serial(),
    sessions,
    mirror,
    readiness,
    messages,
  };
  return { ...common, ...followers };
}

/** Passes on what the mirror sees: to the board first, which says whether an instance is ours. */
function sinkOf(board: SlotBoard, followers: Followers, incus: MirrorSink['incus'], log: Log): MirrorSink {
  const { addresses, sessionBoard, lookout, limits, networks, mending } = followers;
  const show = (follower: Pick<Mending, 'see'>, name: string, instance: Instance | undefined) => {
    try {
      follower.see(name, instance);
    } catch (error) {
      // Its keys are anybody's who may change instances: what is odd about one keeps no other from being seen.
      log.warn(`What Incus says of ${name} was not understood: ${messageOf(error)}`);
    }
  };
  const follow = (name: string, instance: Instance | undefined) => {
    for (const follower of [addresses, sessionBoard, lookout, limits, networks]) show(follower, name, instance);
  };
  return {
    relevant: name => parseContainerName(name) !== undefined,
    incus,
    all: instances => {
      const gone = new Set(board.instances().map(i => i.name));
      board.seeAll(instances);
      for (const { name } of board.instances()) gone.delete(name);
      for (const name of gone) follow(name, undefined);
      for (const instance of board.instances()) follow(instance.name, instance);
      void sessionBoard.lookAgain();
    },
    one: (name, instance) => {
      const ours = board.see(name, instance) ? instance : undefined;
      follow(name, ours);
      show(mending, name, ours); // After a list everything is mended that can be.
    },
  };
}

/** What is read once, since the folder of the extension goes away when it is updated. */
interface Files {
  guest: GuestFiles;
  scripts: BuildScripts;
}

async function filesOf(media: string): Promise<Files> {
  const [guest, scripts] = await Promise.all([loadGuestFiles(media), readBuildScripts(join(media, 'image'))]);
  return { guest, scripts };
}

function flowDeps(options: AppOptions, parts: Parts, { guest, scripts }: Files): FlowDeps {
  const { log, home, uid, backendKey, backendAlive } = options;
  const { incus, board, mirror, serial, sessions, limits, networks, lookout, messages, readiness } = parts;
  return {
    incus,
    board,
    mirror,
    serial,
    reservations: new Reservations(board),
    sessions,
    limits,
    networks,
    lookout,
    trust: new TrustStore(home),
    guest,
    build: { incus, log, scripts, home, backendKey, underWay: new Set(), serial },
    log,
    message: (level, text) => messages.tell(level, text),
    backendKey,
    backendAlive,
    home,
    uid,
    target: options,
    incusBinary: 'incus',
    ready: signal => readiness.wait(signal),
  };
}

/** What connections see of it all. */
function appOf(parts: Parts, handlers: App['handlers']): App {
  const { incus, store, serial, limits, networks, messages } = parts;
  return {
    handlers,
    snapshot: () => store.snapshot(),
    onChange: listener => store.onChange(listener),
    onMessage: listener => messages.on(listener),
    duties: () => [...limits.duties(), ...networks.duties()],
    busy: () => serial.busy,
    permissionLost: () => store.incus.reason === 'no-permission',
    drain: () => serial.idle(),
    close: async () => {
      for (const part of [parts.mirror, parts.addresses, parts.lookout, parts.sessionBoard, limits]) part.close();
      await networks.close();
      parts.readiness.close(new Failure('unavailable', 'The backend is ending.'));
      await incus.close();
    },
  };
}

/** Who reads the conversations of an agent; those that only configuration declares keep theirs to themselves. */
function readerOf(agent: string): ConversationReader | undefined {
  return agentNames().includes(agent) ? agentNamed(agent) : undefined;
}

/** The extension's media folder: beside dist/ in the package, beside server/ in the sources. */
function mediaDirectory(): string {
  return join(dirname(fileURLToPath(import.meta.url)), '..', 'media');
}
