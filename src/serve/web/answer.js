// One turn of a conversation on the page: the question, and its answer in every state it may be in.

import { stream } from "./api.js";
import { add, announce, button, copy, fill, h, icon, trouble } from "./dom.js";
import { Growing, render } from "./markdown.js";
import { cite, list } from "./source.js";
import { Trouble } from "./words.js";

const UNSUPPORTED = "The documents do not answer this question.";
const QUOTED = /^No language model answers at the moment\. These passages fit best:\s*/;

export class Turn {
  // `again()` asks this question once more; only the last turn of a conversation has it.
  constructor(question, again) {
    this.question = question;
    this.again = again;
    this.body = h("div", { class: "words" });
    this.foot = h("div", { class: "foot" });
    this.answer = h("div", { class: "answer", role: "group", "aria-label": "Answer" }, this.body, this.foot);
    this.element = h("article", { class: "turn" }, h("h2", { class: "question" }, question), this.answer);
    this.text = "";
    this.sources = [];
    this.named = new Set();
  }

  // --- an answer that was kept ---------------------------------------------------------------------------------------

  kept(message, last) {
    if (message.locked) {
      fill(this.body, h("p", { class: "quiet" }, "This answer is sealed with a key that is not here any more. Whoever looks after this tars can put the old key into TARS_ENCRYPTION_KEYS_OLD."));
      return this;
    }
    this.text = message.content || "";
    this.sources = message.sources || [];
    this.show({ supported: message.supported !== false && this.text !== UNSUPPORTED, mode: message.mode || (QUOTED.test(this.text) ? "retrieval-only" : "full") });
    if (message.unfinished) this.brokeOff();
    else if (!last) this.again = null;
    this.acts(last);
    return this;
  }

  show({ supported, mode }) {
    this.answer.removeAttribute("aria-busy");
    if (!supported) {
      fill(this.body, h("p", {}, UNSUPPORTED), h("p", { class: "quiet" },
        "Other words may help: name what the document is about. Or look whether the document is there, under Documents."));
    } else if (mode === "retrieval-only") this.passages();
    else if (this.growing) this.growing.show(this.text);
    else fill(this.body, render(this.text, this.citer()));
    if (supported && mode !== "retrieval-only") add(this.foot, [list(this.sources, this.named)]);
  }

  // Passages are shown as passages: nobody wrote an answer.
  passages() {
    const cards = this.sources.filter((source) => source.content).map((source) => h("li", { class: "found" },
      h("blockquote", {}, source.content.length > 700 ? `${source.content.slice(0, 700)}…` : source.content),
      h("p", { class: "meta" }, cite(source), " ", source.file_name, source.folder ? ` · ${source.folder}` : "")));
    if (cards.length) fill(this.body, h("p", { class: "label" }, cards.length === 1 ? "This passage fits best" : "These passages fit best"), h("ol", { class: "finds" }, cards));
    else fill(this.body, render(this.text.replace(QUOTED, ""), this.citer()));
  }

  citer() {
    const known = new Map(this.sources.map((source) => [source.number, source]));
    return (number) => {
      const source = known.get(number);
      if (!source) return null;
      this.named.add(number);
      return cite(source);
    };
  }

  acts(last) {
    if (this.bar) this.bar.remove();
    const once = last && this.again ? button("Ask again", { icon: "again", class: "link", onclick: () => this.again() }) : null;
    const words = this.text ? button("Copy", { icon: "copy", class: "link", onclick: () => copy(this.text) }) : null;
    this.bar = h("div", { class: "acts" }, words, once);
    this.foot.append(this.bar);
  }

  // Another turn follows: this one is not the last any more.
  settle() {
    this.again = null;
    this.acts(false);
  }

  brokeOff(words) {
    this.foot.prepend(h("p", { class: "quiet broken" }, words || (this.text ? "The answer broke off here." : "This question was not answered.")));
  }

  // --- an answer that is being written -------------------------------------------------------------------------------

  // Resolves to what became of it; throws a Trouble when nothing was asked at all.
  async write(body, signal, hooks) {
    this.answer.setAttribute("aria-busy", "true");
    fill(this.body, h("p", { class: "waiting" }, h("span", { class: "dots", "aria-hidden": "true" }), h("span", {}, "Looking through the documents…")));
    let begun = false, end = null, frame = 0;
    this.growing = null;
    const paint = () => {
      frame = 0;
      if (!this.growing) {
        fill(this.body);
        this.growing = new Growing(this.body, this.citer());
      }
      this.growing.show(this.text);
      hooks.grew();
    };
    try {
      await stream("/rag/query/stream", body, signal, (name, data) => {
        if (name === "rag_sources") {
          begun = true;
          this.sources = data.sources;
          this.mode = data.mode;
          hooks.begun(data.conversation_id);
          if (data.sources.length && data.mode !== "retrieval-only") {
            fill(this.body, h("p", { class: "waiting" }, h("span", { class: "dots", "aria-hidden": "true" }), h("span", {}, "Reading what was found…")));
          }
        } else if (name === "rag_token") {
          this.text += data.token;
          if (this.mode !== "retrieval-only" && !frame) frame = requestAnimationFrame(paint);
        } else if (name === "rag_complete") end = data;
        else if (name === "rag_error") end = { error: new Trouble("The language model stopped in the middle of its answer.", "Ask again; if it goes on, tell whoever looks after this tars.") };
      });
    } catch (error) {
      if (!begun && error.name !== "AbortError") throw error;
      end = { stopped: error.name === "AbortError", error };
    } finally {
      cancelAnimationFrame(frame);
    }
    this.finish(end || { error: new Trouble("The connection broke off before the answer was whole.", "What was written is kept.") });
    return { begun, end };
  }

  finish(end) {
    this.answer.removeAttribute("aria-busy");
    if (end.stopped) {
      this.part();
      this.brokeOff(this.text ? "You stopped the answer here." : "You stopped before an answer was written.");
      announce("Stopped.");
    } else if (end.error) {
      this.part();
      this.foot.prepend(trouble(this.text ? "The answer broke off here." : "There is no answer.", `${end.error.message} ${end.error.todo || ""}`));
    } else {
      this.text = end.answer;
      if (end.mode !== this.mode) this.growing = null;
      this.show(end);
      if (end.notice && end.mode !== "retrieval-only") add(this.foot, [h("p", { class: "quiet" }, icon("warn"), " Found by words alone: what has the same meaning in other words may be missing.")]);
      announce(end.supported ? `Answer: ${this.body.textContent.slice(0, 1500)}` : UNSUPPORTED);
    }
    this.acts(true);
  }

  part() {
    if (this.text && this.mode !== "retrieval-only") {
      this.growing ||= (fill(this.body), new Growing(this.body, this.citer()));
      this.growing.show(this.text);
      add(this.foot, [list(this.sources.filter((source) => this.named.has(source.number)), this.named)]);
    } else if (this.text) this.passages();
    else fill(this.body);
  }
}
