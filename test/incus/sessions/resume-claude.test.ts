import { describeResume } from './resume.ts';

describeResume('claude');
