// Elements made of names and texts, never of markup; dialogs, messages, live regions; dates and sizes in words.

const SVG = "http://www.w3.org/2000/svg";

// h("button", { class: "quiet", onclick: go, "aria-label": "Close" }, "text", element, …): null and false are left out.
export function h(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "class") element.className = value;
    else if (key === "value" || key === "checked" || key === "indeterminate") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

export function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false && child !== "") element.append(child);
  }
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

const PATHS = {
  send: "M12 19V5M5 12l7-7 7 7", stop: "M7 7h10v10H7z", plus: "M12 5v14M5 12h14", menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18", search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4 4", down: "M12 5v14M5 12l7 7 7-7",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1", again: "M20 11a8 8 0 1 0-2 6M20 5v6h-6", pen: "M4 20h4L19 9l-4-4L4 16z",
  bin: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13", upload: "M12 16V4M6 10l6-6 6 6M4 20h16", back: "M9 7L4 12l5 5M4 12h10a6 6 0 0 1 6 6",
  talk: "M4 5h16v11H10l-5 4v-4H4z", page: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6", care: "M4 13h4l2-6 4 11 2-5h4",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 21c1-5 4-6 8-6s7 1 8 6", warn: "M12 4l9 16H3zM12 10v4M12 17v.5",
  check: "M5 13l4 4L19 7", left: "M14 6l-6 6 6 6", right: "M10 6l6 6-6 6", folder: "M3 6h7l2 2h9v11H3z",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of [["viewBox", "0 0 24 24"], ["class", "icon"], ["aria-hidden", "true"]]) svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

export function button(label, options, ...more) {
  const { icon: name, bare, class: kind, ...rest } = options;
  const words = bare ? { "aria-label": label, title: label } : {};
  return h("button", { type: "button", class: `button ${bare ? "bare" : ""} ${kind || ""}`, ...words, ...rest },
    name ? icon(name) : null, bare ? null : h("span", {}, label), more);
}

// --- saying things ---------------------------------------------------------------------------------------------------

// What is outside of a modal dialog is neither seen nor said: both places go along with the topmost one.
function place(id) {
  const element = document.getElementById(id);
  const over = [...document.querySelectorAll("dialog[open]")].pop() || document.body;
  if (element.parentNode !== over) over.append(element);
  return element;
}

// Takes a dialog away, but not what it was lent.
function leave(box) {
  for (const id of ["toasts", "said"]) {
    const element = document.getElementById(id);
    if (box.contains(element)) document.body.append(element);
  }
  box.remove();
}

export const closeAll = () => document.querySelectorAll("dialog").forEach(leave);

// Said by a screen reader; nobody sees it. The same words twice are said twice.
export function announce(words) {
  const region = place("said");
  region.textContent = "";
  setTimeout(() => { region.textContent = words; }, 60);
}

// A short message that goes by itself; `act` is what can be done about it.
export function toast(words, act) {
  const box = place("toasts");
  for (const old of box.children) if (old.firstChild.textContent === words) old.remove();
  const shown = h("div", { class: "toast" }, h("span", {}, words));
  const go = () => shown.remove();
  if (act) shown.append(button(act.label, { class: "link", onclick: () => { go(); act.run(); } }));
  shown.append(button("Close", { icon: "close", bare: true, onclick: go }));
  box.append(shown);
  const timer = setTimeout(go, act ? 12000 : 6000);
  shown.addEventListener("pointerenter", () => clearTimeout(timer));
  shown.addEventListener("focusin", () => clearTimeout(timer));
}

// Something that went wrong, in its place on the page.
export function trouble(words, todo, ...acts) {
  return h("div", { class: "trouble", role: "alert" }, icon("warn"),
    h("div", {}, h("p", {}, h("strong", {}, words), todo ? ` ${todo}` : ""), acts.length ? h("p", { class: "acts" }, acts) : null));
}

// --- dialogs ---------------------------------------------------------------------------------------------------------

let titles = 0;

// A modal dialog with a title and a way to close it; focus goes back to where it was.
export function dialog(title, content, options = {}) {
  const id = `title-${++titles}`;
  const before = document.activeElement;
  const close = options.must ? null : button("Close", { icon: "close", bare: true, onclick: () => box.close() });
  const box = h("dialog", { class: options.class || "", "aria-labelledby": id },
    h("header", {}, h("h2", { id, tabindex: "-1" }, title), close), content);
  if (options.must) box.addEventListener("cancel", (event) => event.preventDefault());
  else box.addEventListener("click", (event) => { if (event.target === box) box.close(); });
  box.addEventListener("close", () => {
    leave(box);
    const now = document.activeElement;
    // A text box that Chromium itself gives the focus back to takes no text until it gets it once more.
    if (now === before && before.matches("input, textarea")) before.blur();
    if (before && before.isConnected && (now === document.body || now === before)) before.focus();
    if (options.closed) options.closed();
  });
  document.body.append(box);
  box.showModal();
  const first = box.querySelector("[autofocus]") || box.querySelector("h2");
  first.focus();
  return box;
}

// Resolves to true when it was confirmed.
export function confirm(title, words, act, dangerous = true) {
  return new Promise((resolve) => {
    let said = false;
    const yes = button(act, { class: dangerous ? "danger" : "primary", onclick: () => { said = true; box.close(); } });
    const no = button("Cancel", { autofocus: true, onclick: () => box.close() });
    const box = dialog(title, h("div", { class: "body" }, h("p", {}, words), h("div", { class: "acts end" }, no, yes)),
      { class: "small", closed: () => resolve(said) });
  });
}

// A form in a dialog. `send` returns when it is done; what it throws is shown in the form.
export function ask(title, fields, act, send, options = {}) {
  const problem = h("div", {});
  const go = h("button", { class: "button primary", type: "submit" }, act);
  const form = h("form", { class: "body", onsubmit: async (event) => {
    event.preventDefault();
    go.disabled = true;
    fill(problem);
    try {
      await send(form);
      box.close();
    } catch (error) {
      fill(problem, trouble(error.message, error.todo));
    } finally {
      go.disabled = false;
    }
  } }, fields, problem, h("div", { class: "acts end" },
    options.must ? options.other : button("Cancel", { onclick: () => box.close() }), go));
  const box = dialog(title, form, { class: "small", ...options });
  const input = form.querySelector("input");
  if (input) { input.focus(); input.select(); }
  return box;
}

let fieldsMade = 0;

export function field(label, properties, hint) {
  const id = `field-${++fieldsMade}`;
  const about = hint ? h("small", { id: `${id}-hint` }, hint) : null;
  const input = h("input", { id, autocomplete: "off", ...properties, "aria-describedby": hint ? `${id}-hint` : null });
  return h("div", { class: "field" }, h("label", { for: id }, label), input, about);
}

// Without https there is no clipboard to write to, but the old way still works.
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    (document.querySelector("dialog[open]") || document.body).append(area);
    const before = document.activeElement;
    area.select();
    document.execCommand("copy");
    area.remove();
    if (before) before.focus();
  }
  toast("Copied.");
}

// --- words for numbers -----------------------------------------------------------------------------------------------

export function bytes(count) {
  if (count === null || count === undefined) return "–";
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let at = 0;
  while (count >= 1000 && at < units.length - 1) { count /= 1024; at += 1; }
  return `${at === 0 || count >= 100 ? Math.round(count) : count.toFixed(1)} ${units[at]}`;
}

export const number = (count) => new Intl.NumberFormat("en").format(count);
export const many = (count, one, more = `${one}s`) => `${number(count)} ${count === 1 ? one : more}`;

const DAY = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const FULL = new Intl.DateTimeFormat("en", { dateStyle: "long", timeStyle: "short" });
const CLOCK = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hour12: false });

// Whole days since then, by the calendar.
export function daysSince(then, now = new Date()) {
  const midnight = (date) => new Date(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((midnight(now) - midnight(then)) / 86400000);
}

export function when(text) {
  if (!text) return "never";
  const date = new Date(text);
  const days = daysSince(date);
  const words = days === 0 ? `today ${CLOCK.format(date)}` : days === 1 ? `yesterday ${CLOCK.format(date)}` : DAY.format(date);
  return h("time", { datetime: text, title: FULL.format(date) }, words);
}

export function lasting(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600), Math.floor(seconds / 60)];
  if (days > 1) return many(days, "day");
  if (hours > 1) return many(hours, "hour");
  return many(Math.max(minutes, 1), "minute");
}
