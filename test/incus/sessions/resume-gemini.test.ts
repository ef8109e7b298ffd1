import { describeResume } from './resume.ts';

describeResume('gemini');
