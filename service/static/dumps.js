
// ---- Large files: handed in, worked on in the background, asked for until they are done

const pause = (ms) => new Promise((resolve, reject) => {
  running.signal.throwIfAborted();
  const timer = setTimeout(resolve, ms);
  running.signal.addEventListener("abort", () => {
    clearTimeout(timer);
    reject(new DOMException("", "AbortError"));
  }, { once: true });
});
const get = async (url, options = {}) => {
  let answer;
  try {
    answer = await fetch(url, { headers: headers(), signal: running?.signal, ...options });
  } catch (error) {
    throw error.name === "AbortError" ? error : unreachable();
  }
  if (!answer.ok) throw Object.assign(troubleOf(answer.status, await answer.text()), { code: answer.status });
  return answer;
};

const askLarge = async (given) => {
  if (given.size > maxDumpBytes) {
    throw new Trouble({ title: "The file is too large", detail: `It has ${size(given.size)}; at most ${size(maxDumpBytes)} are taken.` });
  }
  const body = new FormData();
  const known = ["creator", "platform", "by"].map((name) => [name, form.elements[name].value.trim()]);
  for (const [name, value] of known) if (value) body.append(name, value);
  body.append("file", given);
  const dump = JSON.parse(await post(dumps, body, { Accept: "application/json" }, sending(given.name)));
  history.replaceState(null, "", `#dump=${dump.id}`); // a page that is loaded again goes on from here
  return watch(dump.id);
};

const watch = async (dump) => {
  const url = `${dumps}/${dump}`;
  try {
    for (;;) {
      const state = await stateOf(url);
      if (state?.status === "failed") throw new Trouble({ title: "The dump could not be scored", detail: state.error });
      if (state?.status === "done") return adopt(await (await get(`${url}/report.html`)).text(), url);
      await pause(800);
    }
  } catch (error) {
    if (error.name === "AbortError") get(url, { method: "DELETE", signal: null }).catch(() => {});
    history.replaceState(null, "", location.pathname);
    throw error;
  }
};

const stateOf = async (url) => {
  try {
    const state = await (await get(url)).json();
    const { bytes_read: done, bytes_total: all, comments } = state.progress;
    if (state.status === "queued") tell("It has arrived. Waiting for its turn…");
    else tell(`${comments.toLocaleString("en")} comments scored, ${size(done)} of ${size(all)} read`, all ? done / all : null, false);
    return state;
  } catch (error) {
    if (error.code !== 429 && error.code !== 503) throw error;
    return null; // busy: ask again
  }
};

const adopt = (page, url) => {
  // Its style is the one of this page, and this page's policy knows no other.
  const body = page.slice(page.search(/<main[ >]/), page.lastIndexOf("</main>"));
  const main = new DOMParser().parseFromString(body, "text/html").querySelector("main");
  const lower = (heading, level, attributes = {}) => {
    const given = Object.fromEntries([...heading.attributes].map(({ name, value }) => [name, value]));
    heading.replaceWith(element(level, [...heading.childNodes], { ...given, ...attributes }));
  };
  for (const heading of main.querySelectorAll(".hero:not(.small) h2, .warnings h2")) lower(heading, "h3");
  lower(main.querySelector("h1"), "h2", { tabindex: "-1" });
  const copy = element("button", "Copy as JSON", { type: "button", class: "plain", id: "copy" });
  const link = element("a", "The same as JSON", { href: `${url}/report`, id: "json", download: "report.json" });
  const remove = element("button", "Delete it from the service", { type: "button", class: "plain", id: "remove" });
  main.querySelector(".lead").after(element("div", id("key") ? [copy, remove] : [copy, link, remove], { class: "tools" }));
  for (const each of main.querySelectorAll('a[href^="groups/"]')) {
    const name = each.getAttribute("href");
    each.href = `${url}/${name}`; // in the report's file they stand beside it
    if (id("key")) each.dataset.file = name.replace("/", "-");
  }
  copy.dataset.from = `${url}/report`;
  remove.dataset.url = url;
  return main;
};

const offerRemoval = (button) => button.addEventListener("click", async () => {
  try {
    await get(button.dataset.url, { method: "DELETE" });
    history.replaceState(null, "", location.pathname);
    button.disabled = true;
    status.textContent = button.textContent = "Deleted";
    id("json")?.remove();
    id("copy").remove();
  } catch (error) {
    show(error.body ?? { title: "That did not work", detail: String(error) });
  }
});

// Where keys are in use no link shows one: the file is fetched with it, and saved.
const offerFile = (link) => link.addEventListener("click", async (event) => {
  event.preventDefault();
  try {
    const file = URL.createObjectURL(await (await get(link.href)).blob());
    element("a", "", { href: file, download: link.dataset.file }).click();
    setTimeout(() => URL.revokeObjectURL(file), 60000);
  } catch (error) {
    show(error.body ?? { title: "That did not work", detail: String(error) });
  }
});

const resumed = location.hash.match(/^#dump=([0-9a-f]{32})$/);
if (resumed) {
  begin();
  tell("Looking for the dump…");
  work(() => watch(resumed[1]));
}
