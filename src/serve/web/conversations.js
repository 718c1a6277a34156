// The list of one's conversations: by day, found by their words, renamed, removed.

import { call, get, query } from "./api.js";
import { announce, ask, button, confirm, daysSince, field, fill, h, toast } from "./dom.js";
import { Trouble } from "./words.js";

const PAGE = 40;

export class Conversations {
  constructor() {
    this.list = h("div", { class: "conversations" });
    this.search = h("input", { type: "search", placeholder: "Find a conversation", "aria-label": "Find a conversation",
      autocomplete: "off", maxlength: "200", oninput: () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.load(), 250); } });
    this.element = h("section", { class: "talks", "aria-label": "Conversations" }, this.search, this.list);
    this.all = [];
    this.current = null;
  }

  async load(more = false) {
    const words = this.search.value.trim();
    const asked = this.asked = {};
    try {
      const offset = more ? this.all.length : 0;
      const answer = await get(`/rag/conversations${query({ limit: PAGE, offset, query: words })}`);
      // A later question was faster.
      if (asked !== this.asked) return;
      this.all = more ? this.all.concat(answer.conversations) : answer.conversations;
      this.more = answer.conversations.length === PAGE;
      this.show(words);
      if (words) announce(this.all.length ? `${this.all.length} found` : "Nothing was found");
    } catch (error) {
      if (asked === this.asked && error.status !== 401) fill(this.list, h("p", { class: "quiet" }, `${error.message} ${error.todo || ""}`));
    }
  }

  show(words) {
    const groups = new Map();
    for (const one of this.all) {
      const days = daysSince(new Date(one.updated_at));
      const name = words ? "Found" : days <= 0 ? "Today" : days === 1 ? "Yesterday" : days < 7 ? "This week" : days < 31 ? "This month" : "Earlier";
      if (!groups.has(name)) groups.set(name, []);
      groups.get(name).push(one);
    }
    const parts = [...groups].map(([name, ones]) => [h("h3", { class: "label" }, name), h("ul", {}, ones.map((one) => this.row(one)))]);
    fill(this.list, parts,
      this.all.length ? null : h("p", { class: "quiet" }, words ? "No conversation has these words." : "What you ask will stand here. Nobody else sees it."),
      this.more ? button("Show more", { class: "link", onclick: () => this.load(true) }) : null);
  }

  row(one) {
    const title = one.title || (one.locked ? "Locked conversation" : "Conversation");
    const found = one.found && !title.includes(one.found.replace(/^…/, "")) ? h("small", {}, one.found) : null;
    return h("li", {}, h("a", { href: `#/c/${one.id}`, "aria-current": one.id === this.current ? "page" : null, "data-id": one.id }, h("span", {}, title), found));
  }

  mark(id) {
    this.current = id;
    for (const link of this.list.querySelectorAll("a")) {
      if (link.dataset.id === id) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  title(id) {
    const one = this.all.find((other) => other.id === id);
    return one ? one.title : null;
  }

  rename(id, now, done) {
    ask("Rename the conversation", field("Name", { name: "title", value: now, maxlength: "120", required: true }), "Rename", async (form) => {
      const title = form.elements.title.value.trim();
      if (!title) throw new Trouble("A name has at least one letter.", "");
      await call("PATCH", `/rag/conversations/${id}`, { title });
      done(title);
      this.load();
    });
  }

  async remove(id, done) {
    if (!await confirm("Delete this conversation?", "Its questions and answers are gone for good. Documents stay.", "Delete")) return;
    try {
      await call("DELETE", `/rag/conversations/${id}`);
    } catch (error) {
      if (error.status !== 404) { toast(`${error.message} ${error.todo || ""}`); return; }
    }
    this.load();
    toast("The conversation was deleted.");
    done();
  }
}
