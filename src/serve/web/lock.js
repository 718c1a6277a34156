// One tab at a time. Browsers lock only where the address is trusted (https or this machine); in a home network without
// https a note in the storage that all tabs share has to do.

const HELD_MS = 15000;
const SETTLED_MS = 60;

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

export function exclusive(name, work) {
  if (navigator.locks) return navigator.locks.request(name, work);
  return noted(name, work);
}

// Whoever still finds their own mark after a moment has it; a mark that is too old is a closed tab's.
async function noted(name, work) {
  const key = `tars.lock.${name}`;
  const mine = `${Math.random()}`;
  for (;;) {
    const [owner, since] = (localStorage.getItem(key) || "").split(" ");
    if (!owner || Date.now() - Number(since) > HELD_MS) {
      localStorage.setItem(key, `${mine} ${Date.now()}`);
      await pause(SETTLED_MS);
      if ((localStorage.getItem(key) || "").startsWith(mine)) break;
    }
    await pause(SETTLED_MS * (1 + Math.random()));
  }
  try {
    return await work();
  } finally {
    if ((localStorage.getItem(key) || "").startsWith(mine)) localStorage.removeItem(key);
  }
}
