// What a topic holds, read over HTTP. Loaded where no socket comes through.

import { FIELDS } from "./wire.js";

const MOST = 200; // jobs of a list

/** What Watched.answer takes of `topic`; `get(path)` resolves to an answer of the API, or rejects with ApiError. */
export async function readOverHttp(get, topic) {
  try {
    return await read(get, topic);
  } catch (error) {
    if (error.code === "unavailable") throw error;
    return { error: { code: error.code, message: error.message } };
  }
}

async function read(get, topic) {
  const [, kind, name] = /^(job|log|queue):(.*)$/s.exec(topic) ?? [null, topic, ""];
  const part = encodeURIComponent(name);
  switch (kind) {
    case "job":
      return { jobs: [stateOf(await get(`/api/jobs/${part}`))] };
    case "log":
      return get(`/api/jobs/${part}/log`);
    case "mine":
      return listOf(await get(`/api/jobs?mine=true&limit=${MOST}`));
    case "jobs":
      return listOf(await get(`/api/jobs?limit=${MOST}`));
    case "queue":
      return listOf(await get(`/api/jobs?queue=${part}&limit=${MOST}`));
    case "stats":
      return { data: await statsOf(get) };
    case "schedule":
      return { data: await get("/api/schedule") };
    default:
      throw Object.assign(new Error(`no topic is named ${topic}`), { code: "not_found" });
  }
}

async function statsOf(get) {
  const [stats, workers, ...spans] = await Promise.all(
    ["/api/queues", "/api/workers", "/api/history?span=15m", "/api/history?span=24h"].map((path) => get(path)),
  );
  return {
    stats: { ...stats, workers: workers.workers, rate: null },
    workers,
    history: { spans: Object.fromEntries(spans.map((one) => [one.span, one])) },
  };
}

const listOf = ({ jobs, cursor }) => ({ jobs, more: cursor !== null });

/** The state of a job of which all was read; a long result is left where it is. */
const stateOf = (job) => Object.fromEntries(FIELDS.map((name) => [name, name === "result" && job.result_truncated ? null : job[name]]));
