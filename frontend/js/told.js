// Which ends this browser has been told of: one record for all its tabs, so that each end is told once.
//
// In IndexedDB, whose transactions run one after the other over all tabs. Not in localStorage: each process of a
// browser has its own copy of that, and a tab may read what another wrote too late, lock or no lock.

const NAME = "headway";
const STORE = "told";
const KEPT = 20_000; // ends; the server keeps 1,000 unseen, and a bulk submit of 10,000 ends at once

const PATIENCE = 2000; // ms for the record to be opened: another tab may be about to delete it

let opening = null;
const here = new Set(); // for a browser that lets us keep nothing: then each tab tells for itself

/**
 * Those of `keys` that no tab has told yet; they count as told from now on. On record before anybody is told: a tab
 * that dies in between has told at most what it claimed.
 */
export async function claim(keys) {
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      return await record(await (opening ??= open()), keys);
    } catch {
      opening = null; // it was closed under us (site data cleared), is full, or may not be opened
    }
  }
  return keys.filter((key) => !here.has(key) && here.add(key));
}

async function record(database, keys) {
  const transaction = database.transaction(STORE, "readwrite");
  const store = transaction.objectStore(STORE);
  const fresh = [];
  for (const key of keys) {
    const added = store.add({ key });
    added.onsuccess = () => fresh.push(key);
    added.onerror = (event) => event.preventDefault(); // told already, which is no reason to give up on the others
  }
  store.count().onsuccess = ({ target }) => target.result > KEPT && forget(store, target.result - KEPT);
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
  });
  return fresh;
}

/** Drop the oldest. */
function forget(store, count) {
  store.getAllKeys(null, count).onsuccess = ({ target }) => store.delete(IDBKeyRange.upperBound(target.result.at(-1)));
}

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    setTimeout(() => reject(new Error(`not open after ${PATIENCE} ms`)), PATIENCE);
    request.onupgradeneeded = () => {
      const store = request.result.createObjectStore(STORE, { autoIncrement: true });
      store.createIndex("key", "key", { unique: true });
    };
    request.onsuccess = () => {
      const database = request.result;
      database.onclose = () => (opening = null);
      // who wants to delete it must not wait for us, nor others for them
      database.onversionchange = () => {
        database.close();
        opening = null;
      };
      resolve(database);
    };
    request.onerror = () => reject(request.error);
  });
}
