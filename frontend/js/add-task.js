// The tutorial's word-count page: the list of one's own jobs.

import { JobList } from "./elements/job-list.js";

JobList.define();
