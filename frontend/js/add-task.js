// The tutorial's word-count page: the list of one's own jobs.

import { ConnectionStatus } from "./elements/connection-status.js";
import { JobList } from "./elements/job-list.js";
import { JobToasts } from "./elements/job-toasts.js";

for (const kind of [ConnectionStatus, JobList, JobToasts]) kind.define();
