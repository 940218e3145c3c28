// What travels: the twin of workers/wire.py; tests/workers/test_wire.py holds the two together.

export const FIELDS = [
  "id", "version", "attempt", "task", "queue", "status", "completed", "total", "unit", "description",
  "created_at", "enqueued_at", "started_at", "ended_at", "updated_at", "worker", "result", "result_truncated",
  "error", "meta",
];

export const STATUSES = [
  "created", "queued", "deferred", "scheduled", "started", "finished", "failed", "stopped", "canceled", "lost",
];

export const ENDED = ["finished", "failed", "stopped", "canceled"];

/** Whether the job of this state has ended. */
export const hasEnded = (state) => ENDED.includes(state.status);

/** Whether `state` is to replace `held`: newer wins, everywhere. */
export const isNewer = (state, held) => held === undefined || state.version > held.version;
