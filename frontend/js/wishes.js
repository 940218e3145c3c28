// What a person wants to be told of, in this browser: all ends, failures, or nothing; and of which jobs not.

const PLACE = "headway.notices";
const DEFAULT = { ends: "all", longer_than: 0 };

/** {ends: "all" | "failures" | "off", longer_than: seconds}. */
export function wishes() {
  try {
    return { ...DEFAULT, ...JSON.parse(localStorage.getItem(PLACE) ?? "{}") };
  } catch {
    return DEFAULT; // nothing may be kept here, or somebody else has written to it
  }
}

export function keepWishes(wished) {
  try {
    localStorage.setItem(PLACE, JSON.stringify(wished));
  } catch {
    // nothing may be kept here: it holds until the page is left
  }
}

/** Whether an end is to be told. */
export function isWished({ status, started_at, ended_at }, { ends, longer_than } = wishes()) {
  if (ends === "off" || (ends === "failures" && status !== "failed")) return false;
  return longer_than === 0 || (started_at !== null && ended_at - started_at >= longer_than * 1000);
}
