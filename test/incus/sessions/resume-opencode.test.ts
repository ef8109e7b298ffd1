import { describeResume } from './resume.ts';

describeResume('opencode');
