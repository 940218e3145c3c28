// Exchanges a token for a session, then goes to the dashboard. It stands in the address's fragment, which is never sent by itself, or is
// put into the field.

import { HOME } from "./home.js";
import { forget } from "./notifications.js";
import { write } from "./progress-view.js";
import { tokensIn } from "./tokens.js";

const given = tokensIn(location.hash);
history.replaceState(null, "", location.pathname);
const form = document.querySelector("form.login");
const [input, wrong] = [form.querySelector("#token"), form.querySelector(".wrong")];

/** Log in with the first of `tokens` that is right; says what is wrong where none is. */
async function logIn(tokens) {
  for (const token of tokens) {
    const response = await fetch(new URL("login", HOME), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token }),
    }).catch(() => null);
    if (response?.ok) {
      forget();
      return location.replace(new URL("queues", HOME));
    }
    write(wrong, await reason(response));
    if (response?.status !== 401) break;
  }
  form.hidden = false;
  input.setAttribute("aria-invalid", "true");
  input.focus();
}

async function reason(response) {
  const answer = await response?.json().catch(() => null); // a proxy's own page is no JSON
  return answer?.error.message ?? "The server can’t be reached; try again in a moment.";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  write(wrong, "");
  input.removeAttribute("aria-invalid");
  logIn([input.value.trim()]);
});
if (given.length > 0) {
  form.hidden = true;
  await logIn(given);
} else input.focus();
