// The documents: what is there, what is being read, what could not be, what lies in the trash; and new ones.

import { call, get, query } from "./api.js";
import { announce, button, bytes, confirm, fill, h, icon, many, number, toast, trouble, when } from "./dom.js";
import { KINDS, Uploads } from "./uploads.js";

const PAGE = 50;
const LOOK_EVERY_MS = 5000;
const FROM = { uploads: "sent", documents: "folder" };
const PARTS = [["", "All"], ["waiting", "Being read"], ["aside", "Set aside"], ["trash", "Trash"]];
const EMPTY = {
  "": "Nothing is here yet. Add files with the button above, or drop them anywhere on this page.",
  waiting: "Everything has been read.", aside: "Every file could be read.", trash: "The trash is empty.",
};
const WHY = { deleted: "deleted by hand", gone: "its file has gone from the folder", replaced: "another file took its place" };

export class Documents {
  constructor(shell) {
    this.shell = shell;
    this.part = "";
    this.uploads = new Uploads(() => this.soon());
    this.input = h("input", { type: "file", multiple: true, accept: KINDS, hidden: true, "aria-label": "Choose files",
      onchange: () => { this.uploads.add(this.input.files); this.input.value = ""; } });
    this.search = h("input", { type: "search", placeholder: "Find by name or folder", "aria-label": "Find by name or folder", maxlength: "200", autocomplete: "off",
      oninput: () => { clearTimeout(this.timer); this.timer = setTimeout(() => this.load(), 250); } });
    this.folder = h("select", { "aria-label": "Folder", onchange: () => this.load() });
    this.sort = h("select", { "aria-label": "Order", onchange: () => this.load() },
      [["newest", "Newest first"], ["name", "By name"], ["largest", "Largest first"]].map(([value, label]) => h("option", { value }, label)));
    this.tabs = h("nav", { class: "tabs", "aria-label": "Which documents" });
    this.filters = h("div", { class: "filters" }, this.search, this.folder, this.sort);
    this.sum = h("p", { class: "meta", role: "status" });
    this.list = h("div", {});
    this.element = h("div", { class: "view" }, h("header", { class: "top" }, h("h1", { tabindex: "-1" }, "Documents"),
      h("div", { class: "acts" }, button("Add", { icon: "upload", class: "primary", "aria-label": "Add documents", onclick: () => this.input.click() }))),
    h("div", { class: "content" }, this.input, h("p", { class: "lead" }, "Documents are common to all: everybody who can sign in here may find and read them."),
      this.uploads.element, this.tabs, this.filters, this.sum, this.list),
    h("div", { class: "drop", "aria-hidden": "true" }, icon("upload"), h("p", {}, "Let go to add these files")));
    this.drops();
  }

  drops() {
    let depth = 0;
    const files = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
    const over = (is) => this.element.classList.toggle("dropping", is);
    window.addEventListener("dragenter", (event) => { if (files(event) && this.element.isConnected) { depth += 1; over(true); } });
    window.addEventListener("dragleave", (event) => { if (files(event)) { depth -= 1; if (depth <= 0) { depth = 0; over(false); } } });
    // A file that is dropped beside it must not replace the page.
    window.addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
    window.addEventListener("drop", (event) => {
      if (!files(event)) return;
      event.preventDefault();
      depth = 0;
      over(false);
      if (this.element.isConnected) this.uploads.add(event.dataTransfer.files);
    });
  }

  async open(part) {
    this.part = PARTS.some(([name]) => name === part) ? part : "";
    document.title = "Documents – tars";
    this.filters.hidden = this.part === "waiting" || this.part === "aside";
    fill(this.list, h("p", { class: "quiet" }, "Looking…"));
    await Promise.all([this.load(), this.counts(), this.folders()]);
  }

  // Looked at again after uploads, but not for each of a hundred.
  soon() {
    if (this.planned || !this.element.isConnected) return;
    this.planned = setTimeout(() => { this.planned = null; this.refresh(); }, 400);
  }

  refresh(folders = true) {
    if (!this.element.isConnected) return;
    if (document.hidden) { document.addEventListener("visibilitychange", () => this.refresh(), { once: true }); return; }
    this.load(false, true);
    this.counts();
    if (folders) this.folders();
  }

  async counts() {
    try {
      const stats = await get("/rag/stats");
      this.shell.documents = stats.total_documents;
      const count = { "": stats.total_documents, waiting: stats.queue, aside: stats.set_aside, trash: stats.in_trash };
      fill(this.tabs, PARTS.map(([name, label]) => h("a", { href: `#/documents${name ? `/${name}` : ""}`, "aria-current": name === this.part ? "page" : null,
        class: name === "aside" && count[name] ? "attention" : null }, label, h("span", { class: "count" }, number(count[name])))));
      clearTimeout(this.watch);
      if (stats.queue > 0 && this.element.isConnected) this.watch = setTimeout(() => this.refresh(false), LOOK_EVERY_MS);
    } catch { /* the list says what is wrong */ }
  }

  async folders() {
    try {
      const { folders } = await get("/rag/folders");
      const now = this.folder.value;
      fill(this.folder, h("option", { value: "" }, "All folders"), folders.map((one) => h("option", { value: one.folder }, `${one.folder} (${one.documents})`)));
      this.folder.value = folders.some((one) => one.folder === now) ? now : "";
      this.folder.hidden = folders.length === 0;
    } catch { this.folder.hidden = true; }
  }

  async load(more = false, quiet = false) {
    const asked = this.asked = {};
    try {
      const shown = await (this.part === "waiting" ? this.waiting() : this.part === "aside" ? this.aside() : this.found(more));
      if (asked !== this.asked) return;
      shown();
      if (!quiet && this.search.value) announce(this.sum.textContent);
    } catch (error) {
      if (asked === this.asked && error.status !== 401) fill(this.list, trouble(error.message, error.todo, button("Try again", { class: "outline", onclick: () => this.load() })));
    }
  }

  async found(more) {
    const trashed = this.part === "trash";
    const kept = more ? this.shown : [];
    const size = more ? PAGE : Math.max(PAGE, Math.min(500, this.shown && this.element.isConnected ? this.shown.length : 0));
    const filter = { query: this.search.value.trim(), folder: trashed ? "" : this.folder.value };
    const answer = await get(`/rag/documents${query({ limit: size, offset: kept.length, sort: this.sort.value, trashed: trashed || "", ...filter })}`);
    return () => {
      this.shown = kept.concat(answer.documents);
      const all = answer.total_documents;
      fill(this.sum, all ? `${many(all, "document")}${filter.query || filter.folder ? " found" : ""}${trashed ? ". They are erased 30 days after they came here." : ""}` : "");
      if (!all) { fill(this.list, h("p", { class: "empty" }, filter.query || filter.folder ? "No document fits. Other words may." : EMPTY[this.part])); return; }
      fill(this.list, this.table(trashed), this.shown.length < all ? h("p", { class: "acts" }, button("Show more", { class: "outline", onclick: () => this.load(true) })) : null);
    };
  }

  table(trashed) {
    const head = ["Name", "Folder", "Size", trashed ? "Erased" : "Came", trashed ? "Why" : "From", ""];
    const rows = this.shown.map((one) => {
      const row = h("tr", {});
      const act = trashed ? button(`Bring ${one.file_name} back`, { icon: "back", bare: true, onclick: () => this.restore(one, row) })
        : button(`Move ${one.file_name} to the trash`, { icon: "bin", bare: true, onclick: () => this.remove(one, row) });
      const why = trashed ? WHY[one.reason] || "" : one.from.map((from) => FROM[from]).join(", ");
      row.append(h("th", { scope: "row" }, h("span", { class: "name" }, one.file_name),
        !trashed && one.reason ? h("small", { class: "attention" }, `Its newest version could not be read: ${one.reason}`) : null),
      h("td", { "data-label": "Folder", class: "wrap" }, one.folder || "–"), h("td", { "data-label": "Size", class: "right" }, bytes(one.bytes)),
      h("td", { "data-label": head[3] }, when(trashed ? one.erased_at : one.added_at)), h("td", { "data-label": head[4] }, why), h("td", { class: "act" }, act));
      return row;
    });
    return h("table", { class: "documents" }, h("caption", { class: "unseen" }, trashed ? "Documents in the trash" : "Documents"),
      h("thead", {}, h("tr", {}, head.map((name, at) => h("th", { scope: "col", class: at === 2 ? "right" : null }, name || h("span", { class: "unseen" }, "What can be done"))))),
      h("tbody", {}, rows));
  }

  async waiting() {
    const answer = await get("/rag/waiting");
    return () => {
      fill(this.sum, answer.total_files ? many(answer.total_files, "file") : "");
      fill(this.list, answer.files.length ? h("ul", { class: "plain" }, answer.files.map((one) => h("li", {}, h("span", { class: "name" }, one.file_name),
        h("span", { class: "meta" }, ` ${bytes(one.bytes)} · ${one.path ? one.path : "sent"} · ${one.begun ? "is being read" : "waits"}`)))) : h("p", { class: "empty" }, EMPTY.waiting));
    };
  }

  async aside() {
    const answer = await get("/rag/set-aside");
    return () => {
      fill(this.sum, answer.files.length ? `${many(answer.files.length, "file")} could not be read. Mend a file and add it again; one of the folder is tried again when it changes.` : "");
      const row = (one) => h("li", { class: "row" }, h("div", {}, h("span", { class: "name" }, one.file_name), h("span", { class: "meta" }, one.path ? ` ${one.path}` : " sent"),
        h("p", { class: "attention" }, one.reason, one.again ? " – it is tried again by itself." : "")),
      one.upload ? button(`Remove ${one.file_name}`, { icon: "bin", bare: true, onclick: (event) => this.change(event.target.closest("li"),
        () => call("DELETE", `/rag/set-aside/${encodeURIComponent(one.upload)}`), () => toast(`“${one.file_name}” was removed.`)) }) : null);
      fill(this.list, answer.files.length ? h("ul", { class: "plain" }, answer.files.map(row)) : h("p", { class: "empty" }, EMPTY.aside));
    };
  }

  async remove(one, row) {
    const folder = one.from.includes("documents") ? " Its file in the documents folder stays as it is." : "";
    if (!await confirm("Move to the trash?", `Nobody finds “${one.file_name}” from now on. It can be brought back for 30 days.${folder}`, "Move to the trash")) return;
    await this.change(row, () => call("DELETE", `/rag/documents/${one.document_id}`), () => toast(`“${one.file_name}” is in the trash.`,
      { label: "Undo", run: () => this.change(null, () => call("POST", `/rag/documents/${one.document_id}/restore`), () => announce("It is back.")) }));
  }

  async restore(one, row) {
    await this.change(row, () => call("POST", `/rag/documents/${one.document_id}/restore`), () => toast(`“${one.file_name}” is found again.`));
  }

  async change(row, act, done) {
    try {
      await act();
      if (row) {
        const next = row.nextElementSibling || row.previousElementSibling;
        row.remove();
        const button_ = next && next.querySelector("button");
        (button_ || this.element.querySelector("h1")).focus();
      }
      done();
    } catch (error) {
      toast(`${error.message} ${error.todo || ""}`);
    }
    this.refresh();
  }
}
