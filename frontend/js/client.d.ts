// The types of client.js. tests/frontend/test_declarations.py holds the two together.

export type Status =
  | "created" | "queued" | "deferred" | "scheduled" | "started" | "finished" | "failed" | "stopped" | "canceled" | "lost"
  /** Its record in Redis can't be read: all other fields are empty. */
  | "unreadable";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** What is told of a job, always whole. Times are Unix time in ms. */
export interface JobState {
  id: string;
  /** Newer wins. */
  version: number;
  attempt: number;
  task: string;
  queue: string;
  status: Status;
  completed: number | null;
  /** null: the length is unknown. */
  total: number | null;
  unit: string;
  description: string;
  created_at: number | null;
  enqueued_at: number | null;
  started_at: number | null;
  ended_at: number | null;
  updated_at: number | null;
  worker: string | null;
  /** null, too, where it is over 4 KiB: then `result_truncated` is true, and `read` has it. */
  result: Json;
  result_truncated: boolean;
  error: { type: string; message: string } | null;
  meta: { [name: string]: Json };
  /** JSON texts, where `result` or `meta` has a number that JavaScript can't hold (an integer over 2^53) or writes in another way (1.0). */
  exact?: { result?: string; meta?: string };
}

export interface Attempt {
  attempt: number;
  status: Status;
  started_at: number | null;
  ended_at: number | null;
  error: { type: string; message: string } | null;
}

/** What `read` resolves to; arguments, traceback and attempts for the job's owner and operators alone. */
export interface JobDetail extends JobState {
  /** The JSON texts of `args`, `result` and `meta` as they came. */
  exact: { args?: string; result: string; meta: string };
  args?: { [name: string]: Json } | null;
  traceback?: string | null;
  attempts?: Attempt[];
}

export type ErrorCode =
  | "bad_request" | "unauthorized" | "forbidden" | "not_found" | "conflict" | "too_large" | "too_many" | "expired" | "unavailable";

/** What the server refused. */
export class ApiError extends Error {
  constructor(error: { code: ErrorCode; message: string; fields?: Fields });
  readonly code: ErrorCode;
  readonly fields: Fields;
}
export type Fields = { [name: string]: { expected: string; got: string } };

/** What a watch tells: at first, and on every change. */
export interface View {
  topic: string;
  jobs: ReadonlyMap<string, JobState>;
  /** Whether there are older jobs that the topic does not hold. */
  more: boolean;
  changed: readonly string[];
  gone: readonly string[];
  /** Of `stats` {stats, workers, history}, of `schedule` as in docs/design.md, of `log:<id>` {lines, last} as in docs/design.md; else null. */
  data: unknown;
  error: { code: ErrorCode; message: string } | null;
}

export type ConnectionState = "connecting" | "live" | "stale" | "offline" | "blocked";

/** Its event "change" says that `state`, `paused` or `scheduler` is another one. */
export interface Connection extends EventTarget {
  readonly state: ConnectionState;
  /** When what is shown was last known to be true, by the server's clock. */
  readonly asOf: number;
  /** ms that the server's clock, of which all times of jobs are, is ahead of this machine's. */
  readonly offset: number;
  /** Unix time in ms by the server's clock. */
  now(): number;
  /** Whether a scheduler is up: without one retries and scheduled jobs wait. null: not known. */
  readonly scheduler: boolean | null;
  /** Set it, and nothing that is watched changes the page until it is unset: then the newest of it comes at once. */
  paused: boolean;
}

export interface Task {
  name: string;
  summary: string;
  queue: string;
  timeout: number;
  /** JSON Schema. */
  arguments: { [name: string]: SchemaPart };
}

/** JSON, but an integer beyond 2^53 is a bigint. */
export type SchemaPart = string | number | bigint | boolean | null | SchemaPart[] | { [name: string]: SchemaPart };

export type Verb = "enqueue" | "cancel" | "stop" | "requeue" | "delete";
export type Topic = "mine" | "jobs" | "stats" | "schedule" | `job:${string}` | `queue:${string}` | `log:${string}`;

export interface Client {
  readonly connection: Connection;
  setToken(fresh: string | null): void;
  watch(topic: Topic, callback: (view: View) => void): () => void;
  onEnd(listener: (state: JobState) => void): () => void;
  submit(task: string, args?: { [name: string]: unknown } | string, queue?: string): Promise<JobState>;
  submitMany(task: string, args: { [name: string]: unknown }[]): Promise<{ ids: string[] }>;
  act(id: string, verb: "enqueue" | "cancel" | "stop" | "requeue"): Promise<JobState>;
  act(id: string, verb: "delete"): Promise<{ ok: true }>;
  read(id: string): Promise<JobDetail>;
  tasks(): Promise<Task[]>;
}

/** A client of the installation at `url`; of the one that the module is from, where it is left out. */
export function connect(url?: string, options?: { token?: string | null }): Client;

export const connection: Connection;
export const watch: Client["watch"];
export const onEnd: Client["onEnd"];
export const submit: Client["submit"];
export const submitMany: Client["submitMany"];
export const act: Client["act"];
export const read: Client["read"];
export const tasks: Client["tasks"];
