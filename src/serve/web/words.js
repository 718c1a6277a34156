// What went wrong, in words, and what to do about it.

// An error that can be shown as it is: `message` says what, `todo` what to do.
export class Trouble extends Error {
  constructor(message, todo, more = {}) {
    super(message);
    this.todo = todo;
    Object.assign(this, more);
  }
}

const capital = (text) => (text ? text[0].toUpperCase() + text.slice(1) : "");
const sentence = (text) => (/[.!?]$/.test(text) ? text : `${text}.`);

// A refusal of the API (RFC 9457) as a Trouble.
export async function refusal(answer) {
  let said = {};
  try { said = await answer.json(); } catch { /* not ours: a proxy's, say */ }
  const kind = (said.type || "").split(":").pop();
  return of(answer.status, kind, said.detail || "", Number(answer.headers.get("retry-after")) || 0);
}

export function of(status, kind, detail, after) {
  const more = { status, kind, after, detail };
  const told = sentence(capital(detail));
  switch (status) {
    case 401: return new Trouble("You are signed out.", "Sign in again; what you have written is kept.", more);
    case 403: return new Trouble(told, kind === "forbidden" && /administrator/.test(detail) ? "Ask an administrator of this tars." : "", more);
    case 404: return new Trouble("This is not there any more.", "Somebody may have removed it; go back and look again.", more);
    case 410: return new Trouble("This passage is not there as it was.", told, more);
    case 408: return new Trouble("The upload came to a halt.", "Check the connection and send the file again.", more);
    case 409: return new Trouble(told, "", more);
    case 413: return new Trouble("This file is too large.", "Up to 256 MB can be sent; split it, or put it into the documents folder.", more);
    case 415: return new Trouble("This kind of file is not read.", "Send PDF, Word (.docx), text, Markdown, CSV, JSON or HTML.", more);
    case 422: return kind === "set-aside"
      ? new Trouble(sentence(capital(detail.replace(/^the document was set aside: /, ""))), "Mend the file and send it again.", more)
      : new Trouble(sentence(capital(detail.replace(/^(new_password|current_password|password|name|title|query): /, (_, name) => NAMES[name]))), "", more);
    case 429: return new Trouble("That was too much at once.", `Try again in ${after || 60} seconds.`, { ...more, after: after || 60 });
    case 502: return new Trouble("The language model stopped in the middle of its answer.", "Ask again; if it goes on, tell whoever looks after this tars.", more);
    case 507: return new Trouble("There is no room left on the disk.", "Nothing was kept. Tell whoever looks after this tars: something has to be removed, or the disk enlarged.", more);
    case 503: return new Trouble(told || "A part of tars does not answer.", "It usually comes back by itself: try again in a moment.", { ...more, after: after || 5 });
    default: return status >= 500
      ? new Trouble("Something went wrong inside tars.", "Try again; if it goes on, tell whoever looks after it.", more)
      : new Trouble(told || `The request was refused (${status}).`, "", more);
  }
}

const NAMES = {
  new_password: "the new password ", current_password: "the current password ", password: "the password ",
  name: "the name ", title: "the name: ", query: "the question: ",
};

export const lost = () => new Trouble("The connection to tars is lost.", "What you have written is kept; it goes on as soon as tars answers again.", { lost: true });
