// The API: who is signed in, requests with a fresh token, events of a stream, and whether tars answers at all.
//
// A refresh token is good once. All tabs share the session, and only one of them may refresh at a time.

import { exclusive, recall, remember } from "./lock.js";
import { Trouble, lost, of, refusal } from "./words.js";

const KEY = "tars.session";
// A token that ends so soon is refreshed beforehand: an upload or a question must not end with it.
const EARLY_MS = 60000;
// The server says something every 15 s; so long a silence is a dead connection.
const SILENCE_MS = 50000;

const listeners = { signedOut: new Set(), reached: new Set(), lost: new Set() };
export const on = (what, run) => { listeners[what].add(run); return () => listeners[what].delete(run); };
const tell = (what, ...values) => { for (const run of [...listeners[what]]) run(...values); };

// --- the session -----------------------------------------------------------------------------------------------------

export function session() {
  try { return JSON.parse(localStorage.getItem(KEY)); } catch { return null; }
}

// What the database holds counts: another tab may see the storage's old value for a moment.
async function keep(tokens, name) {
  const now = { access: tokens.access_token, refresh: tokens.refresh_token, until: Date.now() + tokens.expires_in * 1000, name };
  localStorage.setItem(KEY, JSON.stringify(now));
  await remember("session", now);
  return now;
}

// Ends the session here; `why` is told to whoever has to sign in again.
function forget(why) {
  // Several requests may learn of it at once.
  if (!session()) return;
  localStorage.removeItem(KEY);
  remember("session", null);
  tell("signedOut", why);
}

window.addEventListener("storage", (event) => {
  if (event.key !== KEY) return;
  const before = parsed(event.oldValue), after = parsed(event.newValue);
  if (before && !after) tell("signedOut", "");
  else if (after && (!before || before.name !== after.name)) location.reload();
});

function parsed(text) {
  try { return JSON.parse(text); } catch { return null; }
}

export async function signIn(username, password) {
  const answer = await reach("/auth/token", { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username, password }) });
  if (answer.status === 401) {
    throw new Trouble("The name or the password is wrong.", "Look at both again. Forgotten? An administrator can give you a new password.");
  }
  if (!answer.ok) throw await refusal(answer);
  await keep(await answer.json(), username);
}

export async function signOut(everywhere = false) {
  try { await call("POST", `/auth/logout${everywhere ? "?everywhere=true" : ""}`); } catch { /* it ends here in any case */ }
  forget("");
}

// A token that is good for a while. `bad` is one that was refused.
export async function token(bad) {
  const fresh = (one) => one && one.access !== bad && one.until - Date.now() > EARLY_MS;
  if (fresh(session())) return session().access;
  return exclusive("refresh", async () => {
    const ours = session();
    const theirs = await recall("session");
    const now = ours && theirs && theirs.name === ours.name && theirs.refresh !== ours.refresh && theirs.until > ours.until ? theirs : ours;
    if (!now) throw of(401, "unauthorized", "", 0);
    // Another tab was faster.
    if (fresh(now)) return now.access;
    const answer = await reach("/auth/refresh", { method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refresh_token: now.refresh }) });
    if (answer.status === 401) {
      forget("Your sign-in has ended: it was too long ago, an administrator ended it, or the password was changed. What you have written is kept.");
      throw of(401, "unauthorized", "", 0);
    }
    if (!answer.ok) throw await refusal(answer);
    return (await keep(await answer.json(), now.name)).access;
  });
}

// --- requests --------------------------------------------------------------------------------------------------------

let away = false;

// What only asks is asked once more before anybody is troubled: a telephone that changes its network drops a request.
async function reach(path, options) {
  for (let left = (options.method || "GET") === "GET" ? 1 : 0; ; left -= 1) {
    try {
      const answer = await fetch(path, { cache: "no-store", ...options });
      isBack();
      return answer;
    } catch (error) {
      if (error.name === "AbortError") throw error;
      if (left <= 0) break;
      await new Promise((done) => { setTimeout(done, 400); });
    }
  }
  isLost();
  throw lost();
}

function isBack() {
  if (!away) return;
  away = false;
  tell("reached");
}

// Asks whether it lives until it does; whoever waits is told.
export function isLost() {
  if (away) return;
  away = true;
  tell("lost");
  let wait = 1000;
  const look = async () => {
    try {
      const answer = await fetch("/health", { cache: "no-store" });
      if (answer.ok) { isBack(); return; }
    } catch { /* not yet */ }
    if (!away) return;
    wait = Math.min(wait * 1.5, 10000);
    setTimeout(look, wait);
  };
  setTimeout(look, wait);
  window.addEventListener("online", look, { once: true });
}

async function authorized(path, options) {
  const first = await token();
  const send = (bearer) => reach(path, { ...options, headers: { ...options.headers, Authorization: `Bearer ${bearer}` } });
  let answer = await send(first);
  if (answer.status === 401) answer = await send(await token(first));
  if (answer.status === 401) {
    forget("You were signed out. What you have written is kept.");
    throw of(401, "unauthorized", "", 0);
  }
  if (!answer.ok) throw await refusal(answer);
  return answer;
}

// The answer's JSON; null where there is none.
export async function call(method, path, body, options = {}) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const answer = await authorized(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), ...options });
  if (answer.status === 204 || answer.headers.get("content-length") === "0") return null;
  const text = await answer.text();
  return text ? { ...JSON.parse(text), http: answer.status } : null;
}

export const get = (path, options) => call("GET", path, undefined, options);

export function query(values) {
  const pairs = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
}

// What needs nobody's name: what runs here.
export async function about() {
  const answer = await reach("/", { headers: { Accept: "application/json" } });
  return answer.ok ? answer.json() : null;
}

// --- streams ---------------------------------------------------------------------------------------------------------

// Server-sent events of a POST: calls `heard(name, data)` for each. Ends when the stream does.
export async function stream(path, body, signal, heard) {
  const silence = new AbortController();
  const stop = () => silence.abort();
  signal.addEventListener("abort", stop);
  let timer;
  const alive = () => { clearTimeout(timer); timer = setTimeout(() => silence.abort(), SILENCE_MS); };
  try {
    const answer = await authorized(path, { method: "POST", headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
      body: JSON.stringify(body), signal: silence.signal });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    alive();
    for (;;) {
      let part;
      try {
        part = await reader.read();
      } catch (error) {
        if (signal.aborted) throw error;
        isLost();
        throw lost();
      }
      if (part.done) return;
      alive();
      const events = (rest + part.value).split("\n\n");
      rest = events.pop();
      for (const event of events) one(event, heard);
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function one(event, heard) {
  let name = "message";
  const data = [];
  for (const line of event.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    else if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
  }
  if (data.length) heard(name, JSON.parse(data.join("\n")));
}

// --- what this device remembers --------------------------------------------------------------------------------------

// By user, so that one never sees another's draft on the same device.
export const memory = {
  key: (name) => `tars.${(session() || {}).name || ""}.${name}`.toLowerCase(),
  get(name) { return localStorage.getItem(this.key(name)) || ""; },
  set(name, value) {
    try {
      if (value) localStorage.setItem(this.key(name), value);
      else localStorage.removeItem(this.key(name));
    } catch { /* full, or not allowed: only a convenience is lost */ }
  },
};
