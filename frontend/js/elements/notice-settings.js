// <notice-settings>: what this browser tells of, and whether also while no page is open. Asks only upon a click, and says why.

import { permission, renew, subscribe, turnOn } from "../notifications.js";
import { element, write } from "../progress-view.js";
import { keepWishes, wishes } from "../wishes.js";

const CHOICES = { all: "All ends", failures: "Failures only", off: "Nothing" };
const SAID = {
  default: "Jobs may end while this page is hidden or closed. The browser can tell you then; it will ask whether it may.",
  granted: "You are told by the system while this page is hidden, and when it is closed.",
  denied: "This browser was told not to show notifications of this site. Its settings for the site can change that.",
  impossible: "This browser can't tell you while the page is hidden: it has no such notifications, or the page came over plain HTTP.",
};

export class NoticeSettings extends HTMLElement {
  #ends = element("select");
  #longer = element("input");
  #ask = element("button", "", "Tell me when I am not here");
  #said = element("p", "quiet");

  static define(tag = "notice-settings") {
    if (!customElements.get(tag)) customElements.define(tag, this);
  }

  connectedCallback() {
    const { ends, longer_than } = wishes();
    for (const [value, text] of Object.entries(CHOICES)) this.#ends.append(new Option(text, value, false, value === ends));
    Object.assign(this.#longer, { type: "number", min: 0, max: 86_400, step: 1, value: longer_than });
    this.#ask.type = "button";
    this.#said.setAttribute("role", "status");
    this.replaceChildren(
      labelled("Tell me of", this.#ends),
      labelled("not of jobs shorter than (seconds)", this.#longer),
      this.#said,
      this.#ask,
    );
    this.addEventListener("change", () => this.#keep());
    this.#ask.addEventListener("click", () => this.#turnOn());
    this.#paint();
    this.#try(renew()); // what was registered may have expired, or be of another key
  }

  #keep() {
    const seconds = Math.min(86_400, Math.max(0, Math.round(this.#longer.valueAsNumber || 0)));
    this.#longer.value = seconds;
    keepWishes({ ends: this.#ends.value, longer_than: seconds });
    this.#try(subscribe());
  }

  async #turnOn() {
    this.#ask.disabled = true;
    await this.#try(turnOn());
    this.#ask.disabled = false;
  }

  async #try(attempt) {
    try {
      await attempt;
      this.#paint();
    } catch (error) {
      this.#paint(`You can't be told while no page is open: ${error.message}`);
    }
  }

  #paint(trouble = "") {
    this.#ask.hidden = permission() !== "default";
    write(this.#said, trouble || SAID[permission()]);
  }
}

function labelled(text, input) {
  const label = element("label", "", text);
  label.append(input);
  return label;
}
