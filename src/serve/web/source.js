// A source opened: the passage in its place, with what stands round it, and the way on through its document.

import { get } from "./api.js";
import { add, button, copy, dialog, fill, h, icon, trouble } from "./dom.js";

// The little number in an answer.
export function cite(source) {
  return h("button", { type: "button", class: "cite", "aria-label": `Source ${source.number}: ${source.file_name}`,
    title: source.file_name, onclick: () => open(source) }, String(source.number));
}

// The list below an answer. What the answer does not name is shown more quietly.
export function list(sources, named) {
  if (!sources.length) return null;
  const shown = (source) => h("li", {}, h("button", { type: "button", class: `source ${named.has(source.number) ? "" : "quiet"}`,
    "aria-label": `Source ${source.number}: ${source.file_name}${source.folder ? `, in ${source.folder}` : ""}`, onclick: () => open(source) }, h("span", { class: "number" }, String(source.number)), h("span", { class: "name" }, source.file_name),
  source.folder ? h("span", { class: "place" }, source.folder) : null));
  return h("div", { class: "sources" }, h("h3", { class: "label" }, "Sources"), h("ul", {}, sources.map(shown)));
}

const HOW = { meaning: "by its meaning", words: "by its words" };

export function open(source) {
  const body = h("div", { class: "body passage" });
  dialog(source.file_name, body, { class: "sheet" });
  show(body, source.chunk_id, source);
}

async function show(body, id, source) {
  fill(body, h("p", { class: "quiet" }, "Opening…"));
  try {
    const passage = await get(`/rag/passages/${encodeURIComponent(id)}`);
    const cut = id.lastIndexOf("-");
    const to = (step, label, name, there) => button(label, { icon: name, class: "outline", disabled: !there,
      onclick: () => show(body, `${id.slice(0, cut)}-${passage.position + step}`, null) });
    fill(body,
      h("p", { class: "meta" }, passage.folder ? [icon("folder"), `${passage.folder} · `] : null,
        `passage ${passage.position + 1} of ${passage.total_chunks}`),
      source && source.matched && source.matched.length ? h("p", { class: "meta" }, `Found ${source.matched.map((how) => HOW[how] || how).join(" and ")}.`) : null,
      h("div", { class: "text", tabindex: "0", role: "region", "aria-label": "The passage" },
        passage.before ? h("span", { class: "around" }, before(passage.before, passage.content)) : null,
        h("mark", {}, passage.content),
        passage.after ? h("span", { class: "around" }, after(passage.content, passage.after)) : null),
      h("div", { class: "acts" }, to(-1, "Earlier", "left", passage.before !== null), to(1, "Later", "right", passage.after !== null),
        button("Copy", { icon: "copy", class: "outline", onclick: () => copy(passage.content) })));
  } catch (error) {
    fill(body, trouble(error.message, error.todo));
    if (source && source.content) add(body, [h("p", { class: "meta" }, "As it was when you asked:"), h("div", { class: "text" }, h("mark", {}, source.content))]);
  }
}

// Passages that follow each other share some words, which are shown once.
function before(text, next) {
  const shared = overlap(text, next);
  return text.slice(0, text.length - shared) + (shared ? "" : "\n");
}

function after(text, next) {
  const shared = overlap(text, next);
  return (shared ? "" : "\n") + next.slice(shared);
}

function overlap(one, two) {
  for (let length = Math.min(one.length, two.length, 1500); length > 8; length -= 1) {
    if (one.endsWith(two.slice(0, length))) return length;
  }
  return 0;
}
