// Exchanges the token in the address's fragment, which is never sent by itself, for a session; then to the dashboard.

import { HOME } from "./home.js";
import { forget } from "./notifications.js";

const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);
const response = await fetch(new URL("login", HOME), {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ token }),
});
if (response.ok) {
  forget();
  location.replace(new URL("queues", HOME));
} else document.querySelector("p").textContent = (await response.json()).error.message;
