// The page where one asks: a conversation, and the box for the next question.

import { get, memory, on } from "./api.js";
import { button, fill, h, icon, trouble } from "./dom.js";
import { Turn } from "./answer.js";

// Turns that are put up at once; older ones follow while nothing else is to be done.
const AT_ONCE = 30;
const PER_PAUSE = 40;
// So near to the end counts as being there.
const NEAR_PX = 60;

const later = window.requestIdleCallback ? (run) => requestIdleCallback(run, { timeout: 500 }) : (run) => setTimeout(run, 30);

export class Ask {
  constructor(shell) {
    this.shell = shell;
    this.id = null;
    this.turns = [];
    this.heading = h("h1", { tabindex: "-1" }, "Ask");
    this.tools = h("div", { class: "acts" });
    this.notice = h("div", { class: "notice-place" });
    this.log = h("div", { class: "turns" });
    this.scroller = h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": "Conversation", onscroll: () => this.scrolled() },
      this.notice, this.log);
    this.problem = h("div", { class: "problem" });
    this.box = h("textarea", { id: "question", rows: "1", maxlength: "8000", placeholder: "Ask the documents…", "aria-label": "Your question",
      enterkeyhint: "send", oninput: () => this.typed(), onkeydown: (event) => this.key(event) });
    this.go = button("Ask", { icon: "send", bare: true, class: "primary go", onclick: () => this.submit() });
    this.stop = button("Stop", { icon: "stop", bare: true, class: "go", onclick: () => this.halt(), hidden: true });
    this.end = button("To the end", { icon: "down", bare: true, class: "to-end", hidden: true, onclick: () => this.toEnd(true) });
    this.element = h("div", { class: "ask" }, h("header", { class: "top" }, this.heading, this.tools), this.scroller,
      h("div", { class: "composer" }, this.end, this.problem, h("div", { class: "box" }, this.box, this.go, this.stop),
        h("p", { class: "hint" }, "Answers come from the documents here. Open a source to check. Enter asks, Shift and Enter begins a new line.")));
    this.following = true;
    this.lastHeight = 0;
    on("reached", () => this.reached());
    new ResizeObserver(() => this.grew()).observe(this.log);
  }

  // --- which conversation --------------------------------------------------------------------------------------------

  async open(id) {
    if (id === this.id && this.turns.length) { this.focus(); return; }
    this.halt();
    this.id = id;
    this.turns = [];
    this.sum = "";
    this.showing = {};
    this.following = true;
    fill(this.log);
    fill(this.problem);
    this.draft();
    this.tell();
    if (!id) { this.welcome(); this.focus(); return; }
    const showing = this.showing;
    fill(this.log, h("p", { class: "quiet" }, "Opening…"));
    try {
      const said = await get(`/rag/conversations/${id}`);
      if (showing !== this.showing) return;
      this.put(said.messages);
      this.focus();
    } catch (error) {
      if (showing !== this.showing || error.status === 401) return;
      fill(this.log, trouble(error.message, error.todo, button(error.status === 404 ? "Ask something new" : "Try again", { class: "outline",
        onclick: () => (error.status === 404 ? this.shell.go("#/") : (this.id = null, this.open(id))) })));
      this.failed = error.lost ? id : null;
    }
  }

  // The newest first, so that the end is there at once however long the conversation is.
  put(messages) {
    const pairs = [];
    for (const message of messages) {
      if (message.role === "user") pairs.push([message, null]);
      else if (pairs.length) pairs[pairs.length - 1][1] = message;
    }
    fill(this.log);
    const showing = this.showing;
    const make = ([asked, answered], last) => {
      const turn = new Turn(asked.locked ? "A question that is locked" : asked.content, asked.locked ? null : () => this.again(turn));
      if (answered) turn.kept(answered, last);
      return turn;
    };
    let left = pairs.length;
    const some = (count) => {
      const first = Math.max(0, left - count);
      const made = pairs.slice(first, left).map((pair, n) => make(pair, first + n === pairs.length - 1));
      left = first;
      this.turns.unshift(...made);
      const height = this.scroller.scrollHeight, top = this.scroller.scrollTop;
      this.log.prepend(...made.map((turn) => turn.element));
      // What is put above must not move what is read.
      if (!this.following) this.scroller.scrollTop = top + this.scroller.scrollHeight - height;
    };
    some(AT_ONCE);
    this.toEnd(false);
    const rest = () => {
      if (left === 0 || showing !== this.showing) { this.log.removeAttribute("aria-busy"); return; }
      some(PER_PAUSE);
      if (this.following) this.toEnd(false);
      later(rest);
    };
    if (left > 0) { this.log.setAttribute("aria-busy", "true"); later(rest); }
    this.tell();
  }

  tell() {
    const title = this.id ? this.shell.talks.title(this.id) || (this.turns[0] && this.turns[0].question.slice(0, 80)) || "Conversation" : "Ask";
    fill(this.heading, title);
    document.title = this.id ? `${title} – tars` : "tars";
    fill(this.tools, this.id ? [
      button("Rename", { icon: "pen", bare: true, onclick: () => this.shell.talks.rename(this.id, title, (name) => { fill(this.heading, name); document.title = `${name} – tars`; }) }),
      button("Delete", { icon: "bin", bare: true, onclick: () => this.shell.talks.remove(this.id, () => this.shell.go("#/")) }),
    ] : null);
    this.shell.talks.mark(this.id);
  }

  welcome() {
    const name = this.shell.user ? this.shell.user.name : "";
    fill(this.log, h("div", { class: "welcome" }, h("h2", {}, name ? `What would you like to know, ${name}?` : "What would you like to know?"),
      h("p", {}, "Ask in your own words. The answer comes from the documents that are here, and names its sources so that you can check them."),
      h("p", { class: "quiet" }, "Only you see your conversations. Documents are common to everybody who can sign in.")));
    if (this.shell.documents === 0) {
      this.log.firstChild.append(h("p", {}, h("a", { class: "button primary", href: "#/documents" }, icon("upload"), h("span", {}, "Add the first documents"))));
    }
  }

  // Said once, kindly; whoever has read it need not read it again.
  tellMode(mode) {
    fill(this.notice);
    if (mode !== "retrieval-only" || memory.get("told-passages")) { if (mode === "full") memory.set("told-passages", ""); return; }
    const box = h("div", { class: "notice" }, h("p", {}, h("strong", {}, "Passages instead of answers. "),
      "No language model answers here at the moment, so you get the passages that fit your question best, straight from the documents."),
    button("Good to know", { class: "outline", onclick: () => { memory.set("told-passages", "yes"); box.remove(); this.focus(); } }));
    fill(this.notice, box);
  }

  // --- asking --------------------------------------------------------------------------------------------------------

  key(event) {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
      event.preventDefault();
      if (!this.running) this.submit();
    } else if (event.key === "Escape" && this.running) this.halt();
  }

  typed() {
    memory.set(`draft.${this.id || "new"}`, this.box.value);
    this.size();
  }

  size() {
    this.box.rows = 1;
    const style = getComputedStyle(this.box);
    const line = parseFloat(style.lineHeight);
    const rows = Math.round((this.box.scrollHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom)) / line);
    this.box.rows = Math.max(1, Math.min(8, rows));
  }

  draft() {
    this.box.value = memory.get(`draft.${this.id || "new"}`);
    this.size();
  }

  submit() {
    const question = this.box.value.trim();
    if (!question || this.running) return;
    const last = this.turns[this.turns.length - 1];
    if (last) last.settle();
    else fill(this.log);
    const turn = new Turn(question, () => this.again(turn));
    this.turns.push(turn);
    this.log.append(turn.element);
    this.run(turn, { query: question, conversation_id: this.id }, true);
  }

  // The same question once more: the new answer takes the place of the old.
  again(old) {
    if (this.running) return;
    const turn = new Turn(old.question, () => this.again(turn));
    old.element.replaceWith(turn.element);
    this.turns[this.turns.indexOf(old)] = turn;
    this.run(turn, { query: old.question, conversation_id: this.id, again: Boolean(this.id && !old.unasked) }, false);
  }

  async run(turn, body, fromBox) {
    const running = this.running = new AbortController();
    const draft = `draft.${this.id || "new"}`;
    const mine = () => this.running === running;
    this.busy(true);
    fill(this.problem);
    if (fromBox) { this.box.value = ""; this.size(); }
    this.toEnd(true);
    try {
      await turn.write(body, running.signal, {
        grew: () => mine() && this.grew(),
        begun: (id) => {
          if (fromBox) memory.set(draft, "");
          if (id && mine() && !this.id) {
            this.id = id;
            this.shell.renamed(`#/c/${id}`);
          }
        },
      });
    } catch (error) {
      // Nothing was asked: the words go back to where they were written.
      turn.unasked = true;
      if (mine()) this.unsent(turn, error, fromBox);
    }
    if (!mine()) return;
    this.running = null;
    this.busy(false);
    this.grew();
    this.shell.talks.load().then(() => !this.running && this.id === turn.conversation && this.tell());
    turn.conversation = this.id;
    this.tell();
  }

  unsent(turn, error, fromBox) {
    if (!fromBox) {
      turn.finish({ error });
      return;
    }
    turn.element.remove();
    this.turns.pop();
    if (!this.box.value) this.box.value = turn.question;
    this.typed();
    if (!this.turns.length) this.welcome();
    if (error.status === 401) return;
    const more = button("Try again", { class: "outline", onclick: () => this.submit() });
    fill(this.problem, trouble(error.message, error.todo, more));
    this.waiting = error.lost;
    if (error.after) this.countDown(more, error.after);
    if (error.status === 404 && this.id) {
      this.shell.go("#/");
      this.box.value = turn.question;
      this.typed();
    }
  }

  countDown(go, seconds) {
    const words = go.querySelector("span");
    go.disabled = true;
    const tick = () => {
      if (!go.isConnected) return;
      if (seconds <= 0) { go.disabled = false; fill(words, "Try again"); return; }
      fill(words, `Try again in ${seconds} s`);
      seconds -= 1;
      setTimeout(tick, 1000);
    };
    tick();
  }

  // The connection is back.
  reached() {
    if (this.waiting) { this.waiting = false; fill(this.problem); }
    if (this.failed) { const id = this.failed; this.failed = null; this.id = null; this.open(id); }
  }

  halt() {
    if (this.running) this.running.abort();
  }

  busy(is) {
    const had = document.activeElement === this.go || document.activeElement === this.stop;
    this.stop.hidden = !is;
    this.go.hidden = is;
    if (had) (is ? this.stop : this.box).focus();
  }

  // --- where one reads -----------------------------------------------------------------------------------------------

  scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    // A scroll that the growing itself caused is no wish to leave the end.
    if (scrollHeight === this.lastHeight || scrollTop + clientHeight >= scrollHeight - NEAR_PX) this.following = scrollTop + clientHeight >= scrollHeight - NEAR_PX;
    this.lastHeight = scrollHeight;
    this.end.hidden = this.following;
  }

  grew() {
    if (this.following) this.toEnd(false);
    else this.end.hidden = false;
  }

  toEnd(follow) {
    if (follow) this.following = true;
    this.scroller.scrollTop = this.scroller.scrollHeight;
    this.lastHeight = this.scroller.scrollHeight;
    this.end.hidden = true;
  }

  focus() {
    // On a phone the keyboard would cover what one came to read.
    if (!matchMedia("(pointer: coarse)").matches) this.box.focus({ preventScroll: true });
  }
}
