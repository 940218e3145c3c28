// Exchanges the token in the address's fragment, which is never sent by itself, for a session; then to the dashboard.

const token = new URLSearchParams(location.hash.slice(1)).get("token");
history.replaceState(null, "", location.pathname);
const response = await fetch(new URL("../login", import.meta.url), {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ token }),
});
if (response.ok) location.replace(new URL("../queues", import.meta.url));
else document.querySelector("p").textContent = (await response.json()).error.message;
