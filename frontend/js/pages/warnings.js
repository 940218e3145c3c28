// The list of what is wrong, at the top of a view.

import { element } from "../progress-view.js";

export const NO_SCHEDULER = "No scheduler is up: retries and scheduled jobs wait. Start one with “python run.py scheduler”.";

/** Have `list` say `texts`, each an entry. What it says already is left alone, or readers would speak it each second. */
export function warn(list, texts) {
  if ([...list.children].map((one) => one.textContent).join("\n") === texts.join("\n")) return;
  list.replaceChildren(...texts.map((text) => element("li", "", text)));
}
