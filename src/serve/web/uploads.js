// Files on their way in: sent two at a time, each with how far it is, until it is ready or set aside with the reason.

import { get, token } from "./api.js";
import { announce, button, bytes, fill, h, icon } from "./dom.js";
import { Trouble, lost, of } from "./words.js";

const AT_ONCE = 2;
const LARGEST = 256 * 1024 * 1024;
const ASK_EVERY_MS = 2500;
export const KINDS = ".pdf,.docx,.txt,.md,.csv,.json,.html";

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

export class Uploads {
  // `changed()` is called when a document may have come.
  constructor(changed) {
    this.changed = changed;
    this.waiting = [];
    this.running = 0;
    this.all = [];
    this.title = h("h2", {});
    this.list = h("ul", { class: "uploads" });
    this.clear = button("Clear the list", { class: "link", onclick: () => this.tidy() });
    this.element = h("section", { class: "card sending", hidden: true, "aria-label": "Files being sent" },
      h("div", { class: "row" }, this.title, this.clear), this.list);
    window.addEventListener("beforeunload", (event) => { if (this.busy()) event.preventDefault(); });
  }

  busy() { return this.all.some((file) => !file.over); }

  add(files) {
    for (const file of files) {
      const one = { file, name: file.name, over: false };
      one.state = h("span", { class: "state" }, "waiting");
      one.bar = h("progress", { max: "100", value: 0, "aria-label": `Sending ${file.name}` });
      one.cancel = button(`Cancel ${file.name}`, { icon: "close", bare: true, onclick: () => this.cancel(one) });
      one.row = h("li", {}, h("div", { class: "about" }, h("span", { class: "name" }, file.name), h("span", { class: "meta" }, bytes(file.size)), one.state), one.bar, one.cancel);
      this.list.prepend(one.row);
      this.all.push(one);
      const why = refused(file);
      if (why) this.end(one, "bad", why);
      else this.waiting.push(one);
    }
    this.tell();
    this.next();
  }

  next() {
    while (this.running < AT_ONCE && this.waiting.length) {
      const one = this.waiting.shift();
      this.running += 1;
      this.work(one).finally(() => { this.running -= 1; this.next(); });
    }
  }

  async work(one) {
    for (;;) {
      if (one.over) return;
      try {
        const done = await this.settled(one, await this.send(one));
        const passages = `${done.chunks_created} ${done.chunks_created === 1 ? "passage" : "passages"}`;
        this.end(one, "good", done.existed ? "ready – it was here already" : `ready – ${passages}`);
        return;
      } catch (error) {
        if (one.over) return;
        // Many small files reach the limit; it goes on by itself.
        if (error.status === 429 || error.status === 503 || error.lost) {
          for (let left = error.after || 5; left > 0 && !one.over; left -= 1) {
            fill(one.state, error.lost ? "waiting for the connection" : `waiting ${left} s: ${error.status === 429 ? "too much at once" : "tars is busy"}`);
            await pause(1000);
          }
        } else {
          this.end(one, "bad", error.kind === "set-aside" ? `set aside: ${error.message}` : `${error.message} ${error.todo || ""}`);
          return;
        }
      }
    }
  }

  async send(one) {
    const bearer = await token();
    fill(one.state, "sending");
    return new Promise((resolve, reject) => {
      const request = one.request = new XMLHttpRequest();
      const form = new FormData();
      form.append("file", one.file, one.name);
      request.open("POST", "/rag/documents");
      request.setRequestHeader("Authorization", `Bearer ${bearer}`);
      request.upload.addEventListener("progress", (event) => {
        if (!event.lengthComputable || one.over) return;
        const done = Math.floor((event.loaded / event.total) * 100);
        one.bar.value = done;
        fill(one.state, done < 100 ? `sending, ${done} %` : "being read…");
        one.whole = done >= 100;
        if (one.whole) one.bar.removeAttribute("value");
      });
      request.addEventListener("load", () => {
        const said = parsed(request.responseText);
        if (request.status < 300) resolve(said);
        else reject(of(request.status, (said.type || "").split(":").pop(), said.detail || "", Number(request.getResponseHeader("retry-after")) || 0));
      });
      request.addEventListener("error", () => reject(one.file.size && changedOnDisk(one) ? new Trouble("The file could not be read.", "It may have been moved or changed; choose it again.") : lost()));
      request.addEventListener("abort", () => reject(new Trouble("Cancelled.", "")));
      request.send(form);
    });
  }

  // Large files take longer to read than an answer may.
  async settled(one, said) {
    while (said.state === "waiting" && !one.over) {
      fill(one.state, "being read…");
      await pause(ASK_EVERY_MS);
      said = await get(`/rag/uploads/${encodeURIComponent(said.upload_id)}`);
    }
    return said;
  }

  cancel(one) {
    if (one.over) { one.row.remove(); this.all = this.all.filter((other) => other !== one); this.tell(); return; }
    this.waiting = this.waiting.filter((other) => other !== one);
    this.end(one, "", one.whole ? "let go of; it may still be read" : "cancelled – nothing was kept");
    if (one.request) one.request.abort();
  }

  end(one, kind, words) {
    one.over = true;
    one.row.className = kind;
    one.bar.remove();
    fill(one.state, kind ? icon(kind === "good" ? "check" : "warn") : null, ` ${words}`);
    fill(one.cancel, icon("close"));
    one.cancel.setAttribute("aria-label", `Remove ${one.name} from this list`);
    announce(`${one.name}: ${words}`);
    this.tell();
    if (kind === "good" || kind === "bad") this.changed();
  }

  tidy() {
    for (const one of this.all) if (one.over) one.row.remove();
    this.all = this.all.filter((one) => !one.over);
    this.tell();
  }

  tell() {
    const over = this.all.filter((one) => one.over).length;
    this.element.hidden = this.all.length === 0;
    this.clear.hidden = over === 0;
    fill(this.title, over < this.all.length ? `Sending: ${over} of ${this.all.length} done` : "Sent");
  }
}

const changedOnDisk = (one) => one.file.lastModified && one.file.lastModified > Date.now();

function refused(file) {
  if (!KINDS.split(",").some((kind) => file.name.toLowerCase().endsWith(kind))) return "not sent: this kind of file is not read. PDF, Word (.docx), text, Markdown, CSV, JSON and HTML are.";
  if (file.size > LARGEST) return `not sent: ${bytes(file.size)} are too many, up to 256 MB can be sent. Split it, or put it into the documents folder.`;
  if (file.size === 0) return "not sent: the file is empty.";
  return null;
}

function parsed(text) {
  try { return JSON.parse(text); } catch { return {}; }
}
