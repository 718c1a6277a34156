// Markdown as elements. Texts stay texts: there is no way from an answer to markup, a script, or an address that is
// loaded by itself. What is not known is shown as it was written. Long and hostile input costs no more than its length.

import { h, add, button, copy } from "./dom.js";

const DEPTH = 12;
const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/;
const RULE = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:([ \t]+)(.*)|())$/;
const QUOTE = /^ {0,3}> ?/;
const DELIMITER = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

const blank = (line) => line.trim() === "";
const indent = (line) => line.length - line.trimStart().length;

// `cite(number)` gives the element for a source's number, or null.
export function render(text, cite = () => null) {
  return add(document.createDocumentFragment(), blocks(text).map((block) => block.build(cite)));
}

// A text that grows: what has not changed keeps its elements, so that nothing jumps and a selection stays.
export class Growing {
  constructor(into, cite) {
    this.into = into;
    this.cite = cite;
    this.shown = [];
  }

  show(text) {
    const next = blocks(text);
    let same = 0;
    while (same < next.length && same < this.shown.length && next[same].source === this.shown[same]) same += 1;
    while (this.into.children.length > same) this.into.lastElementChild.remove();
    for (const block of next.slice(same)) this.into.append(block.build(this.cite));
    this.shown = next.map((block) => block.source);
  }
}

// The blocks at the top: what each was made of, and how it is built.
export function blocks(text) {
  return parse(text.replace(/\r\n?/g, "\n").replace(/\t/g, "    ").split("\n"), 0);
}

function parse(lines, depth) {
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (blank(lines[at])) { at += 1; continue; }
    const [end, build] = block(lines, at, depth);
    found.push({ source: lines.slice(at, end).join("\n"), build });
    at = end;
  }
  return found;
}

function block(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return code(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) return [at + 1, (cite) => h("h3", { class: `h${heading[1].length}` }, inline(heading[2] || "", cite))];
  if (RULE.test(line)) return [at + 1, () => h("hr")];
  if (depth < DEPTH && QUOTE.test(line)) return quote(lines, at, depth);
  if (depth < DEPTH && ITEM.test(line)) return list(lines, at, depth);
  if (line.includes("|") && at + 1 < lines.length && lines[at + 1].includes("-") && DELIMITER.test(lines[at + 1])) {
    const table = rows(lines, at);
    if (table) return table;
  }
  let end = at + 1;
  while (end < lines.length && !blank(lines[end]) && !interrupts(lines[end], depth)) end += 1;
  const text = lines.slice(at, end).map((part) => part.trimStart()).join("\n").trimEnd();
  return [end, (cite) => h("p", {}, inline(text, cite))];
}

function interrupts(line, depth) {
  if (FENCE.test(line) || HEADING.test(line) || RULE.test(line)) return true;
  if (depth >= DEPTH) return false;
  if (QUOTE.test(line)) return true;
  const item = ITEM.exec(line);
  return Boolean(item && item[4] && (!/\d/.test(item[2]) || /^1[.)]/.test(item[2])));
}

function code(lines, at, [, mark, words]) {
  const close = new RegExp(`^ {0,3}${mark[0] === "`" ? "`" : "~"}{${mark.length},}\\s*$`);
  let end = at + 1;
  while (end < lines.length && !close.test(lines[end])) end += 1;
  const text = lines.slice(at + 1, end).join("\n");
  const language = words.trim().split(/\s/)[0].slice(0, 30);
  const build = () => h("div", { class: "code" },
    h("div", { class: "code-head" }, h("span", {}, language || "code"),
      button("Copy code", { icon: "copy", bare: true, onclick: () => copy(text) })),
    h("pre", { tabindex: "0", role: "region", "aria-label": language ? `${language} code` : "code" }, h("code", {}, text)));
  return [Math.min(end + 1, lines.length), build];
}

function quote(lines, at, depth) {
  let end = at;
  while (end < lines.length && !blank(lines[end]) && (QUOTE.test(lines[end]) || !interrupts(lines[end], depth))) end += 1;
  const inner = parse(lines.slice(at, end).map((line) => line.replace(QUOTE, "")), depth + 1);
  return [end, (cite) => h("blockquote", {}, inner.map((one) => one.build(cite)))];
}

function list(lines, at, depth) {
  const first = ITEM.exec(lines[at])[2];
  const ordered = /\d/.test(first);
  const kind = ordered ? first.slice(-1) : first;
  const goesOn = (line) => {
    const item = RULE.test(line) ? null : ITEM.exec(line);
    return item && (ordered ? item[2].slice(-1) : item[2]) === kind ? item : null;
  };
  const items = [];
  let loose = false, end = at;
  while (end < lines.length) {
    const item = goesOn(lines[end]);
    if (!item) break;
    const pad = item[3] ? item[3].length : 1;
    const inside = item[1].length + item[2].length + (pad > 4 ? 1 : pad);
    const own = [" ".repeat(pad > 4 ? pad - 1 : 0) + (item[4] || "")];
    end += 1;
    let gap = false;
    while (end < lines.length) {
      const line = lines[end];
      if (blank(line)) {
        gap = true;
        own.push("");
      } else if (indent(line) >= inside) {
        if (gap) loose = true;
        gap = false;
        own.push(line.slice(inside));
      } else if (!gap && !interrupts(line, depth) && !ITEM.test(line)) {
        own.push(line.trimStart());
      } else break;
      end += 1;
    }
    const next = end < lines.length && goesOn(lines[end]);
    while (own.length && blank(own[own.length - 1])) own.pop();
    if (gap && next) loose = true;
    items.push(own);
    if (gap && !next) break;
  }
  const parsed = items.map((own) => parse(own, depth + 1));
  const start = ordered ? Number(first.slice(0, -1)) : 1;
  const build = (cite) => h(ordered ? "ol" : "ul", { start: ordered && start !== 1 ? start : null, class: loose ? "loose" : null },
    parsed.map((inner, index) => h("li", {}, entry(inner, items[index], cite))));
  return [end, build];
}

// A task's box is shown and cannot be ticked.
function entry(inner, source, cite) {
  const task = /^\[([ xX])\] /.exec(source[0] || "");
  const built = inner.map((one) => one.build(cite));
  if (task && built[0] && built[0].firstChild && built[0].firstChild.nodeType === Node.TEXT_NODE) {
    built[0].firstChild.data = built[0].firstChild.data.slice(4);
    built[0].prepend(h("span", { role: "img", "aria-label": task[1] === " " ? "to do" : "done" }, task[1] === " " ? "☐ " : "☑ "));
  }
  return built;
}

function cells(line) {
  const found = [];
  let cell = "", ticks = false;
  const text = line.trim().replace(/^\|/, "");
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === "\\" && text[at + 1] === "|") { cell += "|"; at += 1; } else if (text[at] === "`") { ticks = !ticks; cell += "`"; } else if (text[at] === "|" && !ticks) { found.push(cell.trim()); cell = ""; } else cell += text[at];
  }
  if (cell.trim() !== "") found.push(cell.trim());
  return found;
}

function rows(lines, at) {
  const head = cells(lines[at]);
  const sides = cells(lines[at + 1]).map((cell) => (/^:-+:$/.test(cell) ? "center" : /-:$/.test(cell) ? "right" : "left"));
  if (head.length !== sides.length || head.length > 50) return null;
  let end = at + 2;
  while (end < lines.length && lines[end].includes("|") && !blank(lines[end])) end += 1;
  const body = lines.slice(at + 2, end).map(cells);
  const build = (cite) => h("div", { class: "table", tabindex: "0", role: "region", "aria-label": "Table" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((cell, n) => h("th", { scope: "col", class: sides[n] }, inline(cell, cite))))),
    h("tbody", {}, body.map((row) => h("tr", {}, head.map((_, n) => h("td", { class: sides[n] }, inline(row[n] || "", cite))))))));
  return [end, build];
}

// --- within a line ---------------------------------------------------------------------------------------------------

const PUNCTUATION = /[!-/:-@[-`{-~\p{P}\p{S}]/u;
const CITED = /^\[(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\]/;
const LINK = /^\[((?:[^[\]\\\n]|\\.|\[[^[\]\n]{0,200}\]){0,500})\]\(\s*<?([^\s<>()]{0,2000}(?:\([^\s<>()]{0,500}\)[^\s<>()]{0,500})?)>?(?:\s+["'][^"'\n]{0,300}["'])?\s*\)/;
const ADDRESS = /^(?:https?:\/\/|mailto:)[^\s<>"'`\]]{1,2000}/i;
// How far back an opening mark is looked for.
const BACK = 100;

// Only what a person follows by a click, and only to the web or to mail.
export function address(text) {
  const clean = text.trim();
  if (!/^(?:https?:\/\/[^\s]|mailto:[^\s])/i.test(clean)) return null;
  try {
    const url = new URL(clean);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch { return null; }
}

function link(href, content) {
  return h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow" }, content);
}

export function inline(text, cite, depth = 0) {
  const parts = [];
  const closed = new Set();
  let plain = "", at = 0;
  const flush = () => { if (plain) { parts.push(document.createTextNode(plain)); plain = ""; } };
  const put = (node, length) => { flush(); parts.push(node); at += length; };
  while (at < text.length) {
    const c = text[at];
    if (c === "\\" && at + 1 < text.length) {
      if (text[at + 1] === "\n") put(h("br"), 2);
      else if (/[!-/:-@[-`{-~]/.test(text[at + 1])) { plain += text[at + 1]; at += 2; } else { plain += c; at += 1; }
    } else if (c === "`") {
      const run = /^`+/.exec(text.slice(at, at + 200))[0];
      const end = closed.has(run.length) ? -1 : closing(text, at + run.length, run);
      if (end < 0) { closed.add(run.length); plain += run; at += run.length; continue; }
      const inside = text.slice(at + run.length, end).replace(/\n/g, " ");
      put(h("code", {}, /^ .*[^ ].* $/.test(inside) ? inside.slice(1, -1) : inside), end + run.length - at);
    } else if (c === "[" || (c === "!" && text[at + 1] === "[")) {
      const image = c === "!";
      const rest = text.slice(at + (image ? 1 : 0), at + 6000);
      const cited = image ? null : CITED.exec(rest);
      const shown = cited && rest[cited[0].length] !== "(" ? cited[1].split(/\s*[,;]\s*/).map((n) => cite(Number(n))) : [];
      const target = depth < 4 ? LINK.exec(rest) : null;
      if (shown.length && shown.every(Boolean)) put(h("span", { class: "cites" }, shown), cited[0].length);
      else if (target) {
        const href = address(target[2]);
        // A picture from elsewhere would tell its owner who reads: it is a link that one may follow.
        const words = image ? [`picture: ${target[1] || "without a name"}`] : inline(target[1], () => null, depth + 1);
        put(href ? link(href, words.length ? words : href) : h("span", {}, words), target[0].length + (image ? 1 : 0));
      } else { plain += c; at += 1; }
    } else if ((c === "h" || c === "H" || c === "m" || c === "<") && (at === 0 || !/[\p{L}\p{N}]/u.test(text[at - 1]))) {
      const bare = c === "<" ? 1 : 0;
      const found = ADDRESS.exec(text.slice(at + bare, at + 2100));
      const trimmed = found ? found[0].replace(/[.,;:!?)*_]+$/, "") : "";
      const href = trimmed && depth === 0 ? address(trimmed) : null;
      if (href && (!bare || text[at + bare + found[0].length] === ">")) put(link(href, trimmed), trimmed.length + bare * (found[0].length - trimmed.length + 2));
      else { plain += c; at += 1; }
    } else if (c === "*" || c === "_" || (c === "~" && text[at + 1] === "~")) {
      const run = c === "*" ? /^\*+/ : c === "_" ? /^_+/ : /^~+/;
      const mark = run.exec(text.slice(at, at + 50))[0];
      flush();
      parts.push(delimiter(text, at, mark));
      at += mark.length;
    } else if (c === "\n") {
      if (/ {2,}$/.test(plain)) { plain = plain.trimEnd(); put(h("br"), 1); } else { plain = plain.replace(/ +$/, "") + "\n"; at += 1; }
    } else { plain += c; at += 1; }
  }
  flush();
  return emphasis(parts);
}

function closing(text, from, run) {
  let at = text.indexOf(run, from);
  while (at >= 0) {
    let end = at + run.length;
    while (text[end] === "`") end += 1;
    if (end - at === run.length) return at;
    at = text.indexOf(run, end);
  }
  return -1;
}

function delimiter(text, at, mark) {
  const before = at === 0 ? " " : text[at - 1];
  const after = text[at + mark.length] || " ";
  const left = !/\s/.test(after) && (!PUNCTUATION.test(after) || /\s/.test(before) || PUNCTUATION.test(before));
  const right = !/\s/.test(before) && (!PUNCTUATION.test(before) || /\s/.test(after) || PUNCTUATION.test(after));
  const word = mark[0] === "_";
  return {
    mark: mark[0], left: mark.length,
    opens: left && (!word || !right || PUNCTUATION.test(before)),
    closes: right && (!word || !left || PUNCTUATION.test(after)),
  };
}

// Pairs marks from the inside out; what has no partner is shown as it was written.
function emphasis(parts) {
  const stack = [];
  for (const part of parts) {
    if (part instanceof Node || !part.closes) { stack.push(part); continue; }
    while (part.left > 0) {
      let open = stack.length - 1;
      const least = Math.max(0, open - BACK);
      const fits = (one) => !(one instanceof Node) && one.opens && one.mark === part.mark && one.left > 0 && (part.mark !== "~" || (one.left >= 2 && part.left >= 2));
      while (open >= least && !fits(stack[open])) open -= 1;
      if (open < least || open < 0) break;
      const opener = stack[open];
      const width = opener.left >= 2 && part.left >= 2 ? 2 : 1;
      const inner = stack.splice(open + 1).map(written);
      const name = part.mark === "~" ? "del" : width === 2 ? "strong" : "em";
      opener.left -= width;
      part.left -= width;
      if (opener.left === 0) stack.pop();
      stack.push(h(name, {}, inner));
    }
    if (part.left > 0) stack.push(part);
  }
  return stack.map(written);
}

const written = (part) => (part instanceof Node ? part : document.createTextNode(part.mark.repeat(part.left)));
