"use strict";
// Finds words in every part of the page: parts without them are hidden, files with them are opened.
const field = document.getElementById("search");
const found = document.getElementById("found");
const parts = [...document.querySelectorAll("main li, main tr, main p.note, details.file")];
const plain = new Map(parts.map((part) => [part, part.textContent.toLowerCase()]));
let waiting = 0;

function unmark() {
  for (const mark of document.querySelectorAll("mark")) {
    const parent = mark.parentNode;
    mark.replaceWith(...mark.childNodes);
    parent.normalize();
  }
}

function mark(part, words) {
  const walker = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  let left = 200;
  for (let node of nodes) {
    let at = node.data.toLowerCase().indexOf(words);
    while (at >= 0 && left > 0) {
      const hit = node.splitText(at);
      node = hit.splitText(words.length);
      const box = document.createElement("mark");
      hit.replaceWith(box);
      box.append(hit);
      left -= 1;
      at = node.data.toLowerCase().indexOf(words);
    }
  }
}

function search() {
  const words = field.value.trim().toLowerCase();
  unmark();
  let count = 0;
  for (const part of parts) {
    const hit = words.length < 2 || plain.get(part).includes(words);
    part.hidden = !hit;
    if (part.matches("details")) part.open = words.length >= 2 && hit;
    if (hit && words.length >= 2) {
      count += 1;
      mark(part, words);
    }
  }
  for (const title of document.querySelectorAll("h3")) {
    let next = title.nextElementSibling;
    let any = false;
    while (next && next.matches("details")) {
      any ||= !next.hidden;
      next = next.nextElementSibling;
    }
    title.hidden = !any;
  }
  found.textContent = words.length < 2 ? "" : count === 0 ? "nothing found" : `${count} places`;
}

field.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(search, 150);
});
