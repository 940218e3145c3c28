// The time zone of a date with a time: the person's own, UTC, or none.

import { element } from "../progress-view.js";

const MINUTE = 60_000; // ms
const LOCAL = "local";
const UTC = "Z";
const NONE = "";
const OWN = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "your time";

/** `local` ("2026-11-30T18:00") with the offset of `zone`, as ISO 8601 has it. */
export function zoned(local, zone) {
  if (zone !== LOCAL) return local + zone;
  const minutes = -new Date(local).getTimezoneOffset();
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${local}${minutes < 0 ? "-" : "+"}${String(hours).padStart(2, "0")}:${String(rest).padStart(2, "0")}`;
}

export class ZoneChoice {
  element = element("select", "zone");
  /** What the field of date and time shows of the default. */
  local;

  /** `text` is the default, of ISO 8601. */
  constructor(text) {
    this.element.setAttribute("aria-label", "Time zone");
    this.element.append(new Option(OWN, LOCAL), ...(OWN === "UTC" ? [] : [new Option("UTC", UTC)]), new Option("No time zone", NONE));
    const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/i.test(text);
    this.local = hasZone ? localOf(new Date(text)) : text.slice(0, 19);
    this.element.value = text === "" || hasZone ? LOCAL : NONE;
  }

  get value() {
    return this.element.value;
  }
}

function localOf(moment) {
  if (Number.isNaN(moment.getTime())) return "";
  return new Date(moment.getTime() - moment.getTimezoneOffset() * MINUTE).toISOString().slice(0, 19);
}
