import type { TestContext } from 'node:test';
import type { Editor } from './editor.ts';

/** Runs one step of a scenario. */
export type Step = (name: string, body: () => Promise<void>) => Promise<void>;

/** The steps of a scenario as tests of their own: one that fails leaves a screenshot, and the next ones are tried all the same. */
export function stepsOf(t: TestContext, editor: Editor): Step {
  return (name, body) =>
    t.test(name, async () => {
      try {
        await body();
      } catch (error) {
        await editor.shot(`FAILED-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`);
        throw error;
      }
    });
}
