"use strict";
// Shows /openapi.json and lets one try it. Everything is put in as text, never as markup.
let token = null;
let api = null;

function make(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

function resolve(schema) {
  const name = schema && schema.$ref && schema.$ref.split("/").pop();
  return name ? api.components.schemas[name] : schema || {};
}

// What a value of this schema may look like.
function example(schema, depth = 0) {
  const real = resolve(schema);
  if (depth > 5) return null;
  const choice = real.oneOf || real.anyOf || real.allOf;
  if (real.enum) return real.enum[0];
  if (choice) {
    const parts = choice.filter((part) => part.type !== "null");
    if (real.allOf) return Object.assign({}, ...parts.map((part) => example(part, depth + 1)));
    return parts.length ? example(parts[0], depth + 1) : null;
  }
  const type = Array.isArray(real.type) ? real.type.find((one) => one !== "null") : real.type;
  switch (type) {
    case "object": {
      const shown = {};
      for (const [key, value] of Object.entries(real.properties || {})) shown[key] = example(value, depth + 1);
      return shown;
    }
    case "array": return [example(real.items, depth + 1)];
    case "integer": case "number": return real.minimum || 0;
    case "boolean": return false;
    case "string": return real.format === "uuid" ? "00000000-0000-0000-0000-000000000000" : "text";
    default: return null;
  }
}

function parameters(operation) {
  const inputs = new Map();
  const table = make("table");
  for (const parameter of operation.parameters || []) {
    const input = make("input", { placeholder: parameter.name, required: parameter.in === "path" });
    input.setAttribute("aria-label", parameter.name);
    inputs.set(parameter, input);
    const words = make("td", { textContent: parameter.description || "" });
    table.append(make("tr", {}, make("td", {}, make("code", { textContent: parameter.name })), make("td", {}, input), words));
  }
  return { inputs, table };
}

async function send(method, path, inputs, body, into) {
  let url = path;
  const query = new URLSearchParams();
  for (const [parameter, input] of inputs) {
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value !== "") query.set(parameter.name, input.value);
  }
  if (query.size) url += `?${query}`;
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    const answer = await fetch(url, { method: method.toUpperCase(), headers, body });
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: as it is */ }
    into.textContent = `${answer.status} ${answer.statusText}\n\n${shown}`;
  } catch (error) {
    into.textContent = String(error);
  }
}

function operationBox(method, path, operation) {
  const lock = make("span", { className: "lock", textContent: operation.security ? " (signed in)" : "" });
  const head = make("summary", {}, make("span", { className: "method", textContent: method.toUpperCase() }),
    make("code", { textContent: path }), ` ${operation.summary || ""}`, lock);
  const box = make("details", {}, head);
  if (operation.description) box.append(make("p", { textContent: operation.description }));
  const { inputs, table } = parameters(operation);
  if (inputs.size) box.append(table);
  const json = operation.requestBody && operation.requestBody.content["application/json"];
  const area = json && make("textarea", { value: JSON.stringify(example(json.schema), null, 2) });
  if (area) {
    area.setAttribute("aria-label", "body");
    box.append(area);
  }
  const answer = make("pre", { hidden: true });
  const button = make("button", { textContent: "Try it" });
  button.addEventListener("click", () => {
    answer.hidden = false;
    answer.textContent = "…";
    send(method, path, inputs, area ? area.value : undefined, answer);
  });
  box.append(make("p", {}, button));
  for (const [status, response] of Object.entries(operation.responses)) {
    if (status === "default") continue;
    const content = Object.entries(response.content || {})[0];
    box.append(make("p", { textContent: `${status}: ${response.description || ""} ${content ? content[0] : ""}` }));
    if (content && content[0] === "application/json") {
      box.append(make("pre", { textContent: JSON.stringify(example(content[1].schema), null, 2) }));
    }
  }
  box.append(answer);
  return box;
}

async function signIn(event) {
  event.preventDefault();
  const form = new FormData(event.target);
  const who = document.getElementById("who");
  const body = JSON.stringify({ username: form.get("username"), password: form.get("password") });
  const answer = await fetch("/auth/token", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  const said = await answer.json();
  token = answer.ok ? said.access_token : null;
  who.textContent = answer.ok ? `signed in as ${form.get("username")} for ${said.expires_in / 60} minutes` : said.detail;
}

async function show() {
  api = await (await fetch("/openapi.json")).json();
  document.getElementById("about").textContent = `${api.info.version}. ${api.info.description}`;
  const groups = new Map((api.tags || []).map((tag) => [tag.name, [tag.description, []]]));
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      if (!item[method]) continue;
      const tag = (item[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, ["", []]);
      groups.get(tag)[1].push(operationBox(method, path, item[method]));
    }
  }
  const main = document.getElementById("operations");
  main.replaceChildren();
  for (const [tag, [words, boxes]] of groups) {
    main.append(make("h2", { textContent: tag }), make("p", { textContent: words || "" }), ...boxes);
  }
}

document.getElementById("sign-in").addEventListener("submit", signIn);
show().catch((error) => { document.getElementById("operations").textContent = String(error); });
