import { describeResume } from './resume.ts';

describeResume('codex', { coi: true });
