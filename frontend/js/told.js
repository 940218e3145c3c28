// Which ends this browser has been told of: one record for all its tabs, so that each end is told once.

const PLACE = "headway:told";
const KEPT = 2000; // ends; the server keeps 1,000 unseen

/**
 * Those of `keys` that no tab has told yet; they count as told from now on. One tab at a time (Web Locks), and on record
 * before anybody is told: a tab that dies in between has told at most what it claimed.
 */
export async function claim(keys) {
  return await navigator.locks.request(PLACE, () => {
    const told = JSON.parse(localStorage.getItem(PLACE) ?? "[]");
    const known = new Set(told);
    const fresh = keys.filter((key) => !known.has(key));
    if (fresh.length > 0) localStorage.setItem(PLACE, JSON.stringify([...told, ...fresh].slice(-KEPT)));
    return fresh;
  });
}
