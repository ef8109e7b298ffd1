import { describeResume } from './resume.ts';

describeResume('codex');
