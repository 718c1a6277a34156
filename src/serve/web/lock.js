// One tab at a time, and what all of them must agree on.
//
// `localStorage` reaches another tab's process a moment late, so that what only one may use is kept in the browser's
// database, which has transactions. Browsers lock only where the address is trusted (https, or this machine); in a home
// network without https the lock is a record in that database.

const HELD_MS = 15000;
const AGAIN_MS = 40;

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

let opened = null;

function database() {
  opened ||= new Promise((resolve, reject) => {
    const request = indexedDB.open("tars", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("shared");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

// One transaction: `next(old)` is kept, unless it is undefined; resolves to what is there then.
async function change(key, next) {
  const transaction = (await database()).transaction("shared", "readwrite");
  const store = transaction.objectStore("shared");
  return new Promise((resolve, reject) => {
    let now;
    const request = store.get(key);
    request.onsuccess = () => {
      const value = next(request.result);
      now = value === undefined ? request.result : value;
      if (value !== undefined) store.put(value, key);
    };
    transaction.oncomplete = () => resolve(now);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

// A browser that keeps no database still has one tab at least.
export async function recall(key) {
  try { return await change(key, () => undefined); } catch { return undefined; }
}

export async function remember(key, value) {
  try { await change(key, () => value); } catch { /* see above */ }
}

export function exclusive(name, work) {
  if (navigator.locks) return navigator.locks.request(name, work);
  return recorded(`lock ${name}`, work);
}

async function recorded(key, work) {
  const mine = `${Date.now()} ${Math.random()}`;
  const free = (old) => !old || old.mine === mine || Date.now() - old.since > HELD_MS;
  for (;;) {
    let holder;
    try {
      holder = await change(key, (old) => (free(old) ? { mine, since: Date.now() } : undefined));
    } catch { break; }
    if (holder.mine === mine) break;
    await pause(AGAIN_MS);
  }
  try {
    return await work();
  } finally {
    try { await change(key, (old) => (old && old.mine === mine ? null : undefined)); } catch { /* it lapses */ }
  }
}
