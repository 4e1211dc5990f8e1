// Comfort only: without it the form is sent as it stands and a whole page comes back.
"use strict";

const id = (name) => document.getElementById(name);
const form = id("ask");
const [text, file, drop, chosen, forget, go] = ["text", "file", "drop", "chosen", "forget", "go"].map(id);
const [progress, bar, doing, cancel, status, problem, result] =
  ["progress", "bar", "doing", "cancel", "status", "problem", "result"].map(id);
const maxBytes = Number(form.dataset.maxBytes);
const maxDumpBytes = Number(form.dataset.maxDumpBytes);
const dumps = form.dataset.dumps;
const idle = chosen.textContent;
let running = null; // what aborts it; null while nothing runs

document.documentElement.classList.add("scripted");

// ---- Words

const size = (n) => {
  if (n < 1000) return `${n} bytes`;
  const [unit, by] = n < 1e6 ? ["kB", 1e3] : n < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return `${(n / by).toFixed(n / by < 10 ? 1 : 0)} ${unit}`;
};
const element = (name, content, attributes = {}) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...[content].flat());
  return made;
};

// ---- What is running, in words for all and with a bar for some

let told = 0;
const tell = (words, share = null, spoken = true) => {
  doing.textContent = words;
  if (share === null) bar.removeAttribute("value");
  else bar.value = Math.round(100 * share);
  progress.hidden = false;
  const now = Date.now();
  if (spoken || now - told > 5000) { // a screen reader has better things to do than to count up
    status.textContent = words;
    told = now;
  }
};
const begin = () => {
  running = new AbortController();
  problem.replaceChildren();
  go.disabled = true;
  form.setAttribute("aria-busy", "true");
  progress.hidden = false;
  progress.scrollIntoView({ block: "nearest" });
};
const end = (words) => {
  running = null;
  progress.hidden = true;
  go.disabled = false;
  form.removeAttribute("aria-busy");
  status.textContent = words;
};

class Trouble extends Error {
  constructor(body) {
    super(body.detail);
    this.body = body;
  }
}
const unreachable = () => new Trouble({
  title: "The service did not answer", detail: "The connection was lost before an answer came.",
  hint: "Look at your network and try again; what you entered is still here.",
});
const troubleOf = (code, body) => {
  try {
    const told = JSON.parse(body);
    if (told.title) return new Trouble(told);
  } catch { /* something between us and the service answered */ }
  return new Trouble({ title: `The answer was ${code}`, detail: "It came from something between this page and the service." });
};
const show = ({ title, detail, hint, errors, request_id: request }) => {
  const parts = [element("h3", detail)];
  if (errors?.length) {
    parts.push(element("ul", errors.map((e) => element("li", [element("code", e.field), `: expected ${e.expected}, found ${e.found}`]))));
  }
  if (hint) parts.push(element("p", hint));
  parts.push(element("p", element("small", [title, request && `Request ${request}`].filter(Boolean).join(". "))));
  problem.replaceChildren(...parts);
  id("asking").open = true;
  problem.focus();
};

// ---- Asking

const headers = () => (id("key")?.value ? { "X-API-Key": id("key").value.trim() } : {});

const post = (url, body, more, onSent) => new Promise((resolve, reject) => {
  const request = new XMLHttpRequest(); // fetch cannot say how much has been sent
  request.open("POST", url);
  for (const [name, value] of Object.entries({ ...headers(), ...more })) request.setRequestHeader(name, value);
  request.upload.addEventListener("progress", (e) => { if (e.lengthComputable) onSent(e.loaded, e.total); });
  request.addEventListener("load", () => {
    if (request.status >= 200 && request.status < 300) resolve(request.responseText);
    else reject(troubleOf(request.status, request.responseText));
  });
  request.addEventListener("error", () => reject(unreachable()));
  request.addEventListener("abort", () => reject(new DOMException("", "AbortError")));
  request.send(body);
  running.signal.addEventListener("abort", () => request.abort());
});

const sending = (what) => (sent, total) => {
  if (sent < total) tell(`Sending ${what}: ${size(sent)} of ${size(total)}`, sent / total, false);
  else tell(`${what} has arrived. Scoring…`);
};

const askSmall = async (what) => {
  const answer = await post(form.action, new FormData(form), { Accept: "text/html, application/problem+json" }, sending(what));
  return new DOMParser().parseFromString(answer, "text/html").getElementById("result");
};

const work = async (asking) => {
  try {
    present(await asking());
  } catch (error) {
    end(error.name === "AbortError" ? "Cancelled." : "That did not work.");
    if (error.name === "AbortError") go.focus();
    else show(error instanceof Trouble ? error.body : { title: "This page failed", detail: String(error) });
  }
};

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) return;
  const given = file.files[0];
  if (!given && !text.value.trim()) {
    show({ title: "There is nothing to score yet", detail: "Paste some comments, or choose a file." });
    return;
  }
  const what = given ? given.name : "What you pasted";
  begin();
  tell(given ? `Sending ${what}` : "Scoring…");
  const isLarge = given && given.size > 0.98 * maxBytes; // the form around it takes some bytes too
  work(async () => {
    if (isLarge) return askLarge(given);
    try {
      return await askSmall(what);
    } catch (error) { // a small file may hold many comments
      if (given && error.body?.type === "urn:plaudit:problem:too-many-comments") return askLarge(given);
      throw error;
    }
  });
});
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
cancel.addEventListener("click", () => running?.abort());

// ---- Showing

const present = (found) => {
  end("The report is ready.");
  result.replaceChildren(...document.importNode(found, true).childNodes);
  id("asking").open = false;
  id("ask-title").textContent = "Score other comments";
  document.title = `${id("title").textContent} – Plaudit`;
  enliven();
  id("title").focus({ preventScroll: true });
  id("numbers").scrollIntoView();
};

const enliven = () => {
  if (id("copy")) offerCopy(id("copy"), id("copy").dataset.from ?? id("json").href);
  if (id("remove")) offerRemoval(id("remove"));
  for (const link of result.querySelectorAll("a[data-file]")) offerFile(link);
  const table = document.querySelector("table.comments");
  if (table) offerFilters(table);
};

const offerCopy = (button, source) => {
  const words = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    let done = "Copied";
    try {
      await navigator.clipboard.writeText(await jsonBehind(source));
    } catch {
      done = "Not allowed here: use the link";
    }
    button.textContent = done;
    status.textContent = `${done}.`;
    setTimeout(() => { button.textContent = words; }, 2500);
  });
};
const jsonBehind = async (source) => {
  const [start, data] = source.split(";base64,");
  if (data === undefined) return (await get(start)).text();
  return new TextDecoder().decode(Uint8Array.from(atob(data), (c) => c.charCodeAt(0)));
};

const offerFilters = (table) => {
  const rows = [...table.tBodies[0].rows];
  const names = new Map(rows.map((row) => [row.dataset.label, row.cells[1].querySelector("b")?.textContent ?? "Not readable"]).sort());
  if (names.size < 2) return;
  const bar = element("div", [], { class: "filters", role: "group", "aria-label": "Which comments to show" });
  for (const [label, name] of [["", "All"], ...names]) {
    const fits = rows.filter((row) => !label || row.dataset.label === label);
    const button = element("button", `${name} ${fits.length}`, { type: "button", class: "plain", "aria-pressed": String(!label) });
    button.addEventListener("click", () => {
      for (const row of rows) row.hidden = !fits.includes(row);
      for (const other of bar.children) other.setAttribute("aria-pressed", String(other === button));
      status.textContent = `${fits.length} comments shown.`;
    });
    bar.append(button);
  }
  table.parentElement.before(bar);
};

// ---- Files

const look = () => {
  const given = file.files[0];
  chosen.textContent = given ? `${given.name}, ${size(given.size)}` : idle;
  forget.hidden = !given;
};
file.addEventListener("change", look);
forget.addEventListener("click", () => {
  file.value = "";
  look();
  file.focus();
});
form.addEventListener("reset", () => setTimeout(look));
addEventListener("pageshow", look); // browsers keep what was chosen

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault(); // else the browser leaves for the file
    drop.classList.toggle("over", Boolean(id("asking").open));
  });
}
addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  drop.classList.remove("over");
  const given = new DataTransfer();
  given.items.add(event.dataTransfer.files[0]);
  file.files = given.files;
  id("asking").open = true;
  look();
  status.textContent = `${given.files[0].name} is chosen.`;
  go.focus();
});

enliven();
if (problem.childElementCount) problem.focus();
else if (id("title")) id("title").focus();
addEventListener("beforeprint", () => { for (const each of result.querySelectorAll("details")) each.open = true; });
