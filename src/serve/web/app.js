// The page: what is shown when, and what stands round it.

import { about, get, on, session } from "./api.js";
import { Account, applyTheme, ownPassword, signInPage } from "./account.js";
import { Ask } from "./ask.js";
import { Care } from "./care.js";
import { Conversations } from "./conversations.js";
import { Documents } from "./documents.js";
import { button, closeAll, fill, h, icon, trouble } from "./dom.js";

const root = document.getElementById("page");
const MINE = new URL(import.meta.url).pathname.split("/")[2];
const LOOK_EVERY_MS = 600000;

class Shell {
  constructor(user) {
    this.user = user;
    this.documents = null;
    this.talks = new Conversations();
    this.views = { ask: new Ask(this), documents: new Documents(this), account: new Account(this) };
    if (user.role === "admin") this.views.care = new Care(this);
    const to = (href, name, label) => h("a", { href, class: "go-to", "data-view": href.split("/")[1] || "ask" }, icon(name), h("span", {}, label));
    this.side = h("nav", { class: "side", id: "side", "aria-label": "Main" },
      h("div", { class: "side-head" }, h("a", { class: "brand", href: "#/" }, "tars"),
        button("Close the menu", { icon: "close", bare: true, class: "only-narrow", onclick: () => this.menu(false) })),
      h("a", { class: "button primary wide", href: "#/", onclick: (event) => this.fresh(event) }, icon("plus"), h("span", {}, "New question")),
      h("div", { class: "places" }, to("#/documents", "page", "Documents"), user.role === "admin" ? to("#/care", "care", "Look after it") : null),
      this.talks.element, to("#/account", "person", user.name));
    this.main = h("main", { id: "main", tabindex: "-1" });
    this.opener = button("Menu", { icon: "menu", bare: true, class: "only-narrow opener", "aria-expanded": "false", "aria-controls": "side", onclick: () => this.menu(true) });
    this.veil = h("div", { class: "veil", onclick: () => this.menu(false) });
    fill(root, this.opener, this.side, this.veil, this.main);
    this.route = () => this.show(true);
    this.escape = (event) => { if (event.key === "Escape" && root.classList.contains("open")) this.menu(false); };
    window.addEventListener("hashchange", this.route);
    document.addEventListener("keydown", this.escape);
    this.wide = matchMedia("(min-width: 900px)");
    this.wide.onchange = () => this.menu(false, false);
    this.menu(false, false);
    this.talks.load().then(() => this.views.ask.id && this.current === this.views.ask && this.views.ask.tell());
    this.look();
    this.show(false);
  }

  end() {
    window.removeEventListener("hashchange", this.route);
    document.removeEventListener("keydown", this.escape);
    this.wide.onchange = null;
    this.views.ask.halt();
    this.ended = true;
  }

  // What the welcome says depends on whether there is anything to ask.
  async look() {
    try {
      const [stats, health] = await Promise.all([get("/rag/stats"), fetch("/rag/health", { cache: "no-store" }).then((answer) => answer.json())]);
      this.documents = stats.total_documents;
      this.views.ask.tellMode(health.mode);
      if (this.current === this.views.ask && !this.views.ask.id && !this.views.ask.turns.length) this.views.ask.welcome();
    } catch { /* each view says what is wrong */ }
  }

  menu(open, focus = true) {
    root.classList.toggle("open", open);
    const hidden = !open && !this.wide.matches;
    this.side.inert = hidden;
    this.main.inert = open;
    this.opener.setAttribute("aria-expanded", String(open));
    if (focus) (open ? this.side.querySelector("button, a") : this.opener).focus();
  }

  go(hash) {
    if (location.hash === hash) this.show(true);
    else location.hash = hash;
  }

  // The address follows what is shown, without showing it anew.
  renamed(hash) {
    history.replaceState(null, "", hash);
    this.talks.mark(hash.split("/")[2] || null);
  }

  fresh(event) {
    event.preventDefault();
    this.views.ask.id = null;
    this.views.ask.turns = [];
    this.go("#/");
  }

  show(moved) {
    const [, name, part] = location.hash.split("/");
    const view = this.views[name] && name !== "ask" ? name : "ask";
    this.current = this.views[view];
    if (root.classList.contains("open")) this.menu(false, false);
    if (this.main.firstChild !== this.current.element) fill(this.main, this.current.element);
    for (const link of this.side.querySelectorAll(".go-to")) {
      if (link.dataset.view === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (view !== "ask") this.talks.mark(null);
    const opened = this.current.open(view === "ask" ? (name === "c" && /^[0-9a-f-]{36}$/.test(part || "") ? part : null) : part || "");
    // A screen reader is told where it is; whoever types goes on typing.
    if (moved && view !== "ask") this.element("h1").focus({ preventScroll: true });
    return opened;
  }

  element(selector) { return this.main.querySelector(selector) || this.main; }
}

let shell = null;

async function begin(why = "") {
  if (shell) { shell.end(); shell = null; }
  closeAll();
  if (!session()) {
    document.title = "Sign in – tars";
    fill(root, signInPage(why, begin));
    root.className = "";
    const name = root.querySelector("input");
    if (name) name.focus();
    return;
  }
  try {
    const user = await get("/auth/me");
    shell = new Shell(user);
    const own = user.password_from || "own";
    if (own !== "own" && !sessionStorage.getItem("tars.later")) {
      if (own === "first") sessionStorage.setItem("tars.later", "yes");
      ownPassword(user, () => { user.password_from = "own"; });
    }
  } catch (error) {
    if (error.status === 401) return;
    const again = button("Try again", { class: "outline", onclick: () => begin() });
    fill(root, h("main", { class: "sign-in", id: "main", tabindex: "-1" }, h("div", { class: "card" }, h("h1", {}, "tars does not answer yet"), trouble(error.message, error.todo, again))));
    const stop = on("reached", () => { stop(); begin(); });
    if (error.after) setTimeout(() => { if (again.isConnected) begin(); }, error.after * 1000);
  }
}

// --- the connection, and a newer page --------------------------------------------------------------------------------

const bar = document.getElementById("bar");

on("signedOut", (why) => begin(why));
on("lost", () => fill(bar, h("p", { class: "bar bad" }, h("span", { class: "dots", "aria-hidden": "true" }), h("span", {}, "The connection is lost. What you have written is kept; trying again…"))));
on("reached", () => {
  fill(bar, h("p", { class: "bar good" }, "Connected again."));
  setTimeout(() => { if (bar.querySelector(".good")) fill(bar); }, 4000);
  newer();
  if (!shell) return;
  if (shell.current.refresh) shell.current.refresh();
  shell.talks.load();
});

// After an upgrade the page in this tab is an old one.
async function newer() {
  try {
    const now = await about();
    if (now && now.page && now.page !== MINE && /^[0-9a-f]{16}$/.test(MINE)) {
      fill(bar, h("p", { class: "bar" }, h("span", {}, "tars was upgraded. "), button("Show the new page", { class: "link", onclick: () => location.reload() })));
    }
  } catch { /* the next look will do */ }
}

// The part after # says what is shown; a jump within the page must not change it.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  const main = document.getElementById("main");
  if (main) main.focus();
});
setInterval(() => { if (!document.hidden) newer(); }, LOOK_EVERY_MS);
applyTheme();
begin();
