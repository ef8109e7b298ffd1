import type { BackendApi } from './model/backendApi.ts';
import { failureOf } from './model/failures.ts';
import type { Model } from './model/model.ts';

const DEFAULT_IMAGE = 'coi-default';

/** What is asked before anything is: is the image that a first slot needs there? One that only a project names is not built here. */
export class ImageCheck {
  private readonly model: Model;
  private readonly backend: BackendApi;
  private readonly warn: (message: string) => void;
  private running = false;
  private again = false;

  constructor(model: Model, backend: BackendApi, warn: (message: string) => void) {
    this.model = model;
    this.backend = backend;
    this.warn = warn;
  }

  /** Looks, if an empty view is about to say what the next step is; once more after a look that was under way. */
  async run(): Promise<void> {
    this.again = true;
    if (this.running) return;
    this.running = true;
    while (this.again) {
      this.again = false;
      await this.look();
    }
    this.running = false;
  }

  private async look(): Promise<void> {
    const { link, incus, slots, surroundings } = this.model;
    const [folder] = surroundings.folders;
    if (link.state !== 'ready' || incus.status !== 'ready' || slots.length > 0 || folder === undefined) return;
    try {
      const imageMissing = await this.isMissing(folder.path);
      if (imageMissing !== this.model.surroundings.imageMissing) this.model.setSurroundings({ imageMissing });
    } catch (error) {
      this.warn(`The image could not be looked for: ${failureOf(error).message}`);
    }
  }

  private async isMissing(workspace: string): Promise<boolean> {
    const [{ values }, { images }] = await Promise.all([
      this.backend.request('config/show', { workspace }),
      this.backend.request('image/list', {}),
    ]);
    const { value: configured, origin } = values.find(({ key }) => key === 'container.image') ?? {};
    if (origin?.path?.startsWith(`${workspace}/`)) return false;
    const wanted = typeof configured === 'string' && configured !== '' ? configured : DEFAULT_IMAGE;
    return !images.some(({ alias, fingerprint }) => alias === wanted || isOf(wanted, fingerprint));
  }
}

/** Whether a name is a fingerprint or the beginning of one, as the backend takes it. */
function isOf(name: string, fingerprint: string): boolean {
  return /^[0-9a-f]{12,64}$/.test(name) && fingerprint.startsWith(name);
}
