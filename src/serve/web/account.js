// Signing in, one's own password, signing out, and how the page looks on this device.

import { about, call, session, signIn, signOut } from "./api.js";
import { ask, button, confirm, field, fill, h, toast, trouble } from "./dom.js";
import { Trouble } from "./words.js";

export function signInPage(why, done) {
  const problem = h("div", {}, why ? h("p", { class: "notice" }, why) : null);
  const go = h("button", { class: "button primary wide", type: "submit" }, "Sign in");
  const form = h("form", { onsubmit: async (event) => {
    event.preventDefault();
    go.disabled = true;
    fill(problem);
    try {
      await signIn(form.elements.username.value.trim(), form.elements.password.value);
      await done();
    } catch (error) {
      fill(problem, trouble(error.message, error.todo));
      form.elements.password.select();
      form.elements.password.focus();
    } finally {
      go.disabled = false;
    }
  } },
  field("Name", { name: "username", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false", maxlength: "64" }),
  field("Password", { name: "password", type: "password", autocomplete: "current-password", required: true, maxlength: "256" }),
  problem, go);
  return h("main", { class: "sign-in", id: "main", tabindex: "-1" }, h("div", { class: "card" },
    h("p", { class: "brand" }, "tars"), h("h1", {}, "Sign in"), form,
    h("details", {}, h("summary", {}, "The first time here?"),
      h("p", {}, "Whoever installed tars: the name is ", h("code", {}, "admin"), " unless you chose another. The password stands in the file ",
        h("code", {}, "tars-home.env"), " on the machine where tars runs, in the line ", h("code", {}, "TARS_ADMIN_PASSWORD"), "."),
      h("p", {}, "Everybody else: an administrator adds you and gives you a password for the first time."))));
}

const twice = (form) => {
  if (form.elements.new.value !== form.elements.again.value) throw new Trouble("The two new passwords differ.", "Type the same one twice.");
};

function passwordFields(name, before) {
  return [
    h("input", { type: "text", name: "username", autocomplete: "username", value: name, hidden: true, readonly: true, "aria-label": "Name" }),
    before ? field("Password now", { name: "current", type: "password", autocomplete: "current-password", required: true, maxlength: "256" }) : null,
    field("New password", { name: "new", type: "password", autocomplete: "new-password", required: true, minlength: "10", maxlength: "256" }, "At least 10 characters; a short sentence is easy to remember."),
    field("New password, once more", { name: "again", type: "password", autocomplete: "new-password", required: true, minlength: "10", maxlength: "256" }),
  ];
}

// Asks for a password of one's own after the first sign-in with one that was made.
export function ownPassword(user, done) {
  const first = user.password_from === "first";
  const words = first
    ? [h("p", {}, "You signed in with the password that was made when tars was installed. It stands in ", h("code", {}, "tars-home.env"),
      ", in the line ", h("code", {}, "TARS_ADMIN_PASSWORD"), ", where others who use that machine may read it. Choose one that only you know; the line in the file counts no more from then on.")]
    : [h("p", {}, "An administrator made your password. Choose one that only you know.")];
  ask("Choose your own password", [words, passwordFields(user.name, true)], "Save", async (form) => {
    twice(form);
    await call("POST", "/auth/password", { current_password: form.elements.current.value, new_password: form.elements.new.value });
    toast("Your password was changed.");
    done();
  }, { must: true, other: first ? button("Later", { onclick: (event) => event.target.closest("dialog").close() }) : button("Sign out", { onclick: () => signOut() }) });
}

function changePassword(user) {
  ask("Change the password", passwordFields(user.name, true), "Change", async (form) => {
    twice(form);
    await call("POST", "/auth/password", { current_password: form.elements.current.value, new_password: form.elements.new.value });
    toast("Your password was changed. Other devices have to sign in again.");
  });
}

// --- how it looks ----------------------------------------------------------------------------------------------------

export function applyTheme(theme = localStorage.getItem("tars.theme") || "") {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}

function themes() {
  const now = localStorage.getItem("tars.theme") || "";
  const choice = (value, label) => h("label", { class: "choice" }, h("input", { type: "radio", name: "theme", value, checked: now === value,
    onchange: () => {
      if (value) localStorage.setItem("tars.theme", value);
      else localStorage.removeItem("tars.theme");
      applyTheme();
    } }), h("span", {}, label));
  return h("fieldset", {}, h("legend", {}, "Colours"), h("div", { class: "choices" }, choice("", "As the device"), choice("light", "Light"), choice("dark", "Dark")));
}

export class Account {
  constructor(shell) {
    this.shell = shell;
    this.element = h("div", { class: "view" });
  }

  async open() {
    const { user } = this.shell;
    const version = h("p", { class: "quiet" });
    fill(this.element, h("header", { class: "top" }, h("h1", { tabindex: "-1" }, "You")),
      h("div", { class: "content narrow" },
        h("p", {}, "Signed in as ", h("strong", {}, user.name), user.role === "admin" ? ", an administrator." : "."),
        h("div", { class: "acts" },
          button("Change the password", { class: "outline", onclick: () => changePassword(user) }),
          button("Sign out", { class: "outline", onclick: () => signOut() }),
          button("Sign out everywhere", { class: "outline", onclick: async () => {
            if (await confirm("Sign out everywhere?", "All your devices have to sign in again, this one as well.", "Sign out everywhere", false)) signOut(true);
          } })),
        themes(), version, h("p", { class: "quiet" }, h("a", { href: "/docs" }, "The API, for programs"))));
    document.title = "You – tars";
    try {
      const now = await about();
      if (now) fill(version, `tars ${now.version}`);
    } catch { /* only a number is missing */ }
  }
}

export const signedIn = () => session() !== null;
