// Requests that change something, and those that read what no topic tells. Reject with ApiError.

import { ApiError } from "../client.js";
import { stringify } from "../exact.js";
import { at } from "../shell.js";

async function call(method, path, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const response = await fetch(at(path), { method, headers, body: stringify(body) }).catch(() => null);
  if (response === null) throw new ApiError({ code: "unavailable", message: "The server can't be reached; try again in a moment" });
  const answer = await response.json();
  if (!response.ok) throw new ApiError(answer.error);
  return answer;
}

/** POST `body`, in which a `Raw` stays as it is, to `path`; resolves to the answer. */
export const post = (path, body) => call("POST", path, body);

/** GET `path`; resolves to the answer. */
export const get = (path) => call("GET", path);
