// Who may sign in: added with a password for once, given a new one, kept out, removed.

import { call, get } from "./api.js";
import { ask, button, confirm, copy, dialog, field, fill, h, toast, trouble, when } from "./dom.js";
import { Trouble } from "./words.js";

export class People {
  constructor(shell) {
    this.shell = shell;
    this.list = h("div", {});
    this.element = h("div", {}, h("div", { class: "row" }, h("h2", {}, "People"), button("Add somebody", { icon: "plus", class: "primary", onclick: () => this.add() })), this.list);
  }

  async load() {
    try {
      const { users } = await get("/users");
      fill(this.list, h("table", { class: "documents people" }, h("caption", { class: "unseen" }, "Users"),
        h("thead", {}, h("tr", {}, ["Name", "May", "Last sign-in", "What can be done"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, users.map((user) => this.row(user)))));
    } catch (error) {
      if (error.status !== 401) fill(this.list, trouble(error.message, error.todo, button("Try again", { class: "outline", onclick: () => this.load() })));
    }
  }

  row(user) {
    const me = this.shell.user && user.id === this.shell.user.id;
    const act = (label, run, kind = "outline") => button(label, { class: `${kind} little`, "aria-label": `${label}: ${user.name}`, onclick: run });
    const state = user.disabled ? h("span", { class: "tag attention" }, "kept out") : user.password_from !== "own" ? h("span", { class: "tag" }, "has not chosen a password yet") : null;
    return h("tr", {}, h("th", { scope: "row" }, user.name, me ? h("span", { class: "tag" }, "you") : null, state),
      h("td", { "data-label": "May" }, user.role === "admin" ? "everything" : "ask and read"), h("td", { "data-label": "Last sign-in" }, when(user.signed_in_at)),
      h("td", { class: "act wide" }, me ? h("span", { class: "quiet" }, h("a", { href: "#/account" }, "Your own page")) : h("div", { class: "acts" },
        act("New password", () => this.reset(user)),
        act(user.role === "admin" ? "Make a user" : "Make an administrator", () => this.change(user, { role: user.role === "admin" ? "user" : "admin" })),
        act(user.disabled ? "Let in again" : "Keep out", () => this.change(user, { disabled: !user.disabled })),
        act("Remove", () => this.remove(user), "danger-outline"))));
  }

  add() {
    ask("Add somebody", [
      field("Name", { name: "name", required: true, maxlength: "64", pattern: "[A-Za-z0-9][A-Za-z0-9._@\\-]*", autocapitalize: "none", spellcheck: "false" }, "Letters, digits and . _ @ -; they sign in with it."),
      h("label", { class: "choice" }, h("input", { type: "checkbox", name: "admin" }), h("span", {}, "An administrator: may look after tars and its people")),
    ], "Add", async (form) => {
      const made = await call("POST", "/users", { name: form.elements.name.value.trim(), role: form.elements.admin.checked ? "admin" : "user" });
      this.load();
      setTimeout(() => this.once(made.name, made.password), 0);
    });
  }

  async reset(user) {
    if (!await confirm(`A new password for ${user.name}?`, "The one they have is good for nothing from then on, and they are signed out everywhere.", "Make a new one")) return;
    await this.try(async () => {
      const { password } = await call("POST", `/users/${user.id}/password`, {});
      this.once(user.name, password);
    });
  }

  // Shown once: nobody can look it up again.
  once(name, password) {
    dialog(`The password of ${name}`, h("div", { class: "body" }, h("p", {}, "Hand it over now: it is shown this once. At the first sign-in they are asked to choose their own."),
      h("p", { class: "once" }, h("code", { id: "once" }, password)),
      h("div", { class: "acts end" }, button("Copy", { icon: "copy", class: "primary", onclick: () => copy(password) }))), { class: "small" });
  }

  async change(user, what) {
    if (what.disabled && !await confirm(`Keep ${user.name} out?`, "They are signed out at once and cannot sign in. Their conversations stay, and you can let them in again.", "Keep out")) return;
    await this.try(async () => {
      await call("PATCH", `/users/${user.id}`, what);
      toast(what.disabled === true ? `${user.name} is kept out.` : what.disabled === false ? `${user.name} may sign in again.` : `${user.name} is ${what.role === "admin" ? "an administrator" : "an ordinary user"} now.`);
    });
  }

  async remove(user) {
    if (!await confirm(`Remove ${user.name}?`, "Their conversations go for good. Documents that they added stay.", "Remove")) return;
    await this.try(async () => {
      await call("DELETE", `/users/${user.id}`);
      toast(`${user.name} was removed.`);
    });
  }

  async try(work) {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      toast(`${error.message} ${error.todo || ""}`);
    }
    this.load();
  }
}
