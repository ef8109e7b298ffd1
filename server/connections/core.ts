import type { Log } from '../base/log.ts';
import type { App, AppOptions, CreateApp } from './app.ts';
import type { Streams } from './client.ts';
import { Ender } from './ending.ts';
import { type Circumstances, Life } from './life.ts';
import { type Ending, Service } from './service.ts';

/** What the backend is made of, whatever its transport. */
export interface CoreOptions {
  createApp: CreateApp;
  app: Omit<AppOptions, 'clients'>;
  version: string;
  log: Log;
  /** Milliseconds without a client until it exits; undefined when it lives as long as its only client. */
  idleExit: number | undefined;
  /** Closes the door: nobody new can connect. */
  closeDoor(): void;
  /** Everything has ended. */
  exit(code: number): void;
}

/** The App, its clients, and the end of both. An App that cannot be made ends the process. */
export class Core {
  readonly #options: CoreOptions;
  readonly #service: Service;
  readonly #ender: Ender;
  readonly #life: Life | undefined;
  readonly #loading: Promise<App>;
  #app: App | undefined;

  constructor(options: CoreOptions) {
    const { log, idleExit } = options;
    this.#options = options;
    this.#loading = options.createApp({ ...options.app, clients: () => this.#service.clients });
    this.#service = new Service({
      log,
      version: options.version,
      app: this.#loading,
      onActivity: () => this.#life?.consider(),
      onEnding: how => this.end(how, `a client asked for ${how}`),
    });
    this.#ender = new Ender(
      {
        refuse: refusal => this.#refuse(refusal),
        quiet: async () => {
          await Promise.all([this.#loading.then(app => app.drain()), this.#service.settled()]);
        },
        abort: reason => this.#service.abort(reason),
        close: () => this.#close(),
      },
      log,
    );
    if (idleExit !== undefined)
      this.#life = new Life(
        idleExit,
        () => this.#look(),
        why => this.end('drain', why),
        log,
      );
    this.#loading.then(
      app => this.#attach(app),
      error => this.#fail('The backend cannot start', error),
    );
    this.#life?.consider();
  }

  /** Serves one more client. */
  accept(streams: Streams): void {
    this.#service.accept(streams);
  }

  /** Ends the backend; also called again, when it has become more urgent. */
  end(how: Ending, why: string): void {
    this.#ender.end(how, why).then(
      () => this.#options.exit(0),
      error => this.#fail('The backend ended badly', error),
    );
  }

  #attach(app: App): void {
    this.#app = app;
    this.#service.attach(app);
    app.onChange(() => this.#life?.consider());
    this.#life?.consider();
  }

  #look(): Circumstances {
    return {
      clients: this.#service.clients,
      busy: this.#service.running + (this.#app === undefined ? 1 : this.#app.busy()),
      duties: this.#app?.duties() ?? [],
      permissionLost: this.#app?.permissionLost() ?? false,
    };
  }

  #refuse(refusal: Parameters<Service['refuse']>[0]): void {
    this.#life?.stop();
    this.#service.refuse(refusal);
    this.#options.closeDoor();
  }

  async #close(): Promise<void> {
    await Promise.all([this.#service.close(), this.#app?.close()]);
  }

  #fail(what: string, error: unknown): void {
    this.#options.log.error(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    this.#options.exit(1);
  }
}
