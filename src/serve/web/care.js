// For whoever looks after it: first whether all is well and what to do if not, then the parts.

import { call, get } from "./api.js";
import { announce, button, bytes, confirm, fill, h, icon, lasting, many, number, toast, trouble, when } from "./dom.js";
import { People } from "./people.js";

const LOOK_EVERY_MS = 15000;
const BUILD_EVERY_MS = 5000;
const FULL_DISK = 0.05;
const OLD_BACKUP_MS = 3 * 86400000;
const NAMES = { postgres: "Postgres (users, conversations)", chromadb: "Chroma (the index)", redis: "Redis (limits)", ollama: "Ollama (the language model)" };
const PLACES = { "/": "System", "/var/lib/tars/documents": "Sent documents", "/documents": "Documents folder" };
const RUNS_ON = { gpu: "on the graphics card", cpu: "on the processor (slower)", split: "partly on the graphics card: it does not fit there as a whole" };

export class Care {
  constructor(shell) {
    this.shell = shell;
    this.people = new People(shell);
    this.body = h("div", {});
    this.tabs = h("nav", { class: "tabs", "aria-label": "What to look after" });
    this.element = h("div", { class: "view" }, h("header", { class: "top" }, h("h1", { tabindex: "-1" }, "Look after it")),
      h("div", { class: "content" }, this.tabs, this.body));
    document.addEventListener("visibilitychange", () => { if (!document.hidden && this.part === "") this.load(true); });
  }

  async open(part) {
    this.part = part === "people" ? "people" : "";
    document.title = "Look after it – tars";
    fill(this.tabs, [["", "How it is"], ["people", "People"]].map(([name, label]) => h("a", { href: `#/care${name ? `/${name}` : ""}`, "aria-current": name === this.part ? "page" : null }, label)));
    clearTimeout(this.timer);
    if (this.part === "people") { fill(this.body, this.people.element); await this.people.load(); return; }
    fill(this.body, h("p", { class: "quiet" }, "Looking…"));
    this.seen = "";
    await this.load();
  }

  refresh() {
    if (this.part === "people") this.people.load();
    else this.load(true);
  }

  async load(quiet = false) {
    clearTimeout(this.timer);
    if (!this.element.isConnected || this.part !== "" || document.hidden) return;
    let next = LOOK_EVERY_MS;
    try {
      const [summary, index, sources] = await Promise.all([get("/ops/summary"), get("/rag/index").catch(() => null), get("/rag/sources").catch(() => null)]);
      if (this.part !== "") return;
      this.show(summary, index, sources ? sources.sources : []);
      if (index && (index.building || behind(index))) next = BUILD_EVERY_MS;
    } catch (error) {
      if (error.status === 401) return;
      if (!quiet) fill(this.body, trouble(error.message, error.todo, button("Try again", { class: "outline", onclick: () => this.load() })));
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.load(true), next);
  }

  show(summary, index, sources) {
    const needs = wants(summary, index, sources);
    const bad = needs.filter((one) => one.bad);
    const well = needs.length === 0;
    const title = well ? "All is well." : bad.length ? `${many(bad.length, "thing needs", "things need")} you.` : "It works; something could be better.";
    const verdict = h("section", { class: `verdict ${well ? "good" : bad.length ? "bad" : "fair"}`, "aria-label": "Verdict" },
      h("h2", {}, icon(well ? "check" : "warn"), ` ${title}`),
      well ? h("p", {}, "Everything answers, everything has been read, and the last backup is good.")
        : h("ul", {}, needs.map((one) => h("li", {}, h("strong", {}, one.what), " ", one.todo, one.act ? h("div", { class: "acts" }, one.act(this)) : null))));
    // What has the focus stays where it is while the numbers change.
    const focused = this.body.contains(document.activeElement) ? document.activeElement.textContent : null;
    const card = (name, ...content) => h("section", { class: "card" }, h("h2", {}, name), content);
    const pairs = (rows) => h("dl", {}, rows.filter(Boolean).map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
    fill(this.body, verdict, h("div", { class: "cards" },
      card("Services", pairs(summary.services.map((one) => [NAMES[one.name] || one.name, state(one)]))),
      card("Models", summary.models.length ? pairs(summary.models.map((one) => [one.role === "chat" ? "Writes answers" : "Finds by meaning", model(one)]))
        : h("p", {}, "No language model was chosen: answers are passages.")),
      card("Documents", pairs([
        summary.documents && ["Can be found", `${many(summary.documents.total_documents, "document")}, ${many(summary.documents.total_chunks, "passage")}`],
        summary.documents && ["Being read", number(summary.documents.queue)],
        summary.documents && ["Set aside", h("a", { href: "#/documents/aside" }, number(summary.documents.set_aside))],
        summary.documents && ["Last read", when(summary.documents.last_ingested_at)],
      ]), this.index(index)),
      card("Where they come from", pairs(sources.map((one) => [one.name === "documents" ? "Documents folder" : "Sent by people",
        one.state === "away" ? h("span", { class: "attention" }, "away") : one.name === "documents" ? [`here, ${many(one.found, "file")}; looked at `, when(one.scanned_at)] : "here"])),
      h("div", { class: "acts" }, button("Look through the folder now", { class: "outline", onclick: () => this.scan() }))),
      card("Backups", backups(summary.backups, pairs)),
      card("The machine", pairs([
        summary.resources.machine_memory_bytes && ["Memory free", `${bytes(summary.resources.machine_available_bytes)} of ${bytes(summary.resources.machine_memory_bytes)}`],
        ...disks(summary.resources.disks).map((disk) => [`Room: ${PLACES[disk.path] || disk.path}`, `${bytes(disk.free_bytes)} of ${bytes(disk.total_bytes)}`]),
        ["Runs for", lasting(summary.uptime_s)], ["Version", `${summary.version}${summary.build ? ` (${summary.build})` : ""}`],
      ]))));
    if (focused) {
      const again = [...this.body.querySelectorAll("button, a")].find((one) => one.textContent === focused);
      if (again) again.focus();
    }
    if (this.seen !== title) announce(title);
    this.seen = title;
  }

  index(index) {
    if (!index) return null;
    const far = (progress, words) => h("div", { class: "far" }, h("p", {}, words), h("progress", { max: String(progress.total || 1), value: progress.done, "aria-label": words }));
    const parts = [];
    if (index.model) parts.push(h("p", { class: "meta" }, `Index made with ${index.model}, ${number(index.dimension)} numbers for each passage.`));
    if (behind(index)) parts.push(far(index.progress, `Found by meaning: ${number(index.progress.done)} of ${number(index.progress.total)} passages`));
    if (index.building) parts.push(far(index.building, `The new index (${index.building_model}): ${number(index.building.done)} of ${number(index.building.total)} passages. The old one answers until then.`));
    else if (index.model) parts.push(h("div", { class: "acts" }, button("Make the index anew", { class: "outline", onclick: () => this.renew() })));
    return parts;
  }

  async renew() {
    if (!await confirm("Make the index anew?", "All passages are read into a second index. It may take hours with many documents; questions are answered by the old one until it is whole.", "Make it anew", false)) return;
    await this.do(() => call("POST", "/rag/reindex", {}), "The new index is being made.");
  }

  async scan() {
    await this.do(() => call("POST", "/rag/sources/documents/scan"), "The folder is being looked through.");
  }

  async gone(missing) {
    if (!await confirm("Are these documents really gone?", `${many(missing, "document")} of the folder ${missing === 1 ? "is" : "are"} missing. If the folder or NAS is only away, cancel and bring it back: nothing is lost. If they were removed on purpose, confirm: they move to the trash and can be brought back for 30 days.`, "They are gone")) return;
    await this.do(() => call("POST", "/rag/sources/documents/confirm"), "Confirmed. The folder is being looked through.");
  }

  async do(work, words) {
    try {
      await work();
      toast(words);
    } catch (error) {
      toast(`${error.message} ${error.todo || ""}`);
    }
    setTimeout(() => this.load(true), 800);
  }
}

const behind = (index) => index.progress && index.progress.done < index.progress.total;

function state(one) {
  if (one.status === "ok") return [h("span", { class: "good" }, "answers"), h("span", { class: "quiet" }, ` in ${one.latency_ms} ms`)];
  if (one.status === "skipped") return h("span", { class: "quiet" }, "not used");
  return h("span", { class: "attention" }, one.error || "does not answer");
}

function model(one) {
  if (!one.present) return [one.name, " – ", h("span", { class: "attention" }, "missing")];
  return [one.name, h("span", { class: "quiet" }, one.bytes ? `, ${bytes(one.bytes)}` : ""), h("br"),
    h("span", { class: one.runs_on === "gpu" ? "good" : "quiet" }, one.loaded ? `runs ${RUNS_ON[one.runs_on]}` : "not in memory now; loads with the next question")];
}

// The same file system is shown once.
function disks(all) {
  const seen = new Set();
  return all.filter((disk) => {
    const key = `${disk.total_bytes} ${disk.free_bytes}`;
    return !seen.has(key) && seen.add(key);
  });
}

function backups(told, pairs) {
  if (!told) return h("p", {}, "Nothing is known of a backup yet. ", h("code", {}, "tars backup"), " makes one, ", h("code", {}, "tars backup schedule"), " one every night.");
  const { backup, drill } = told;
  return pairs([
    backup && ["Last backup", [when(backup.at), backup.exit === 0 ? [h("span", { class: "good" }, " good"), `, ${bytes(backup.bytes)}`] : h("span", { class: "attention" }, " did not go well")]],
    ["Last good one", told.last_good_at ? when(told.last_good_at) : h("span", { class: "attention" }, "none yet")],
    ["Last drill", drill ? [when(drill.at), h("span", { class: drill.verdict === "pass" ? "good" : "attention" }, { pass: " passed", fail: " failed: that archive is bad", error: " could not run" }[drill.verdict])] : "none yet"],
    ["By themselves", told.scheduled ? "every night" : "no"],
  ]);
}

// What somebody should do, the worst first.
function wants(summary, index, sources) {
  const found = [];
  const put = (bad, what, todo, act) => found.push({ bad, what, todo, act });
  for (const one of summary.services) {
    if (one.status === "failed") put(one.required, `${NAMES[one.name] || one.name} does not answer properly.`, `${one.error || ""}. On the machine: tars status says more, tars restart often helps.`);
    else if (one.warning) put(false, "Answers are passages only.", `${one.warning[0].toUpperCase()}${one.warning.slice(1)}.`);
  }
  for (const one of summary.models) if (!one.present) put(one.role === "chat", `The model ${one.name} is missing.`, `On the machine: tars model pull ${one.name}`);
  for (const one of sources) {
    if (one.state === "away") {
      put(true, "The documents folder is away.", `${one.why ? `${one.why[0].toUpperCase()}${one.why.slice(1)}. ` : ""}Nothing was removed, and answers go on. Bring the folder or NAS back, or say that the documents are gone.`,
        (care) => [button("The documents are gone", { class: "outline", onclick: () => care.gone(one.missing) }), button("Look again", { class: "outline", onclick: () => care.scan() })]);
    }
  }
  for (const problem of (index && index.problems) || []) put(true, "The index has a problem.", `${problem[0].toUpperCase()}${problem.slice(1)}.`);
  for (const disk of disks(summary.resources.disks)) {
    if (disk.path !== "/documents" && disk.free_bytes < disk.total_bytes * FULL_DISK) put(true, "The disk is nearly full.", `${PLACES[disk.path] || disk.path}: ${bytes(disk.free_bytes)} are left. Free some room, or uploads and backups will fail.`);
  }
  const told = summary.backups;
  for (const problem of (told && told.problems) || []) put(true, "A backup did not go well.", `${problem[0].toUpperCase()}${problem.slice(1)}.`);
  if (!told || !told.last_good_at) put(false, "There is no good backup yet.", "On the machine: tars backup makes one, tars backup schedule one every night.");
  else if (Date.parse(summary.at) - Date.parse(told.last_good_at) > OLD_BACKUP_MS && !told.problems.length) put(false, "The last backup is some days old.", "On the machine: tars backup schedule makes one every night.");
  if (summary.documents && summary.documents.set_aside) put(false, `${many(summary.documents.set_aside, "file")} could not be read.`, "Look under Documents, Set aside.");
  return found.sort((one, two) => two.bad - one.bad);
}

