// Live pages: told by the server that a part changed, they fetch themselves and swap that part.
// Every part is an element with an id, data-live (its name) and data-version. When not live, the page says so.
const RETRY_MS = 15000;
const place = document.getElementById("live-state");
let source = null;
let picture = {};
let fetching = false;
let again = false;

function show(state) {
  if (!place || place.dataset.liveState === state) return;
  place.dataset.liveState = state;
  place.querySelector("[data-live-words]").textContent = place.getAttribute(`data-${state}-text`);
  place.querySelector("[data-live-again]").hidden = !["session", "replaced"].includes(state);
}

function connect() {
  if (source) source.close();
  source = new EventSource("/live/events");
  source.addEventListener("picture", (event) => {
    picture = JSON.parse(event.data);
    show("live");
    refresh();
  });
  source.addEventListener("stale", () => show("stale"));
  source.addEventListener("bye", (event) => {
    const { reason } = JSON.parse(event.data);
    if (reason === "closing") return show("lost"); // the browser comes again by itself
    stop();
    show(reason);
  });
  source.addEventListener("error", () => {
    if (!source) return;
    show("lost");
    if (source.readyState === EventSource.CLOSED) {
      stop();
      setTimeout(comeAgain, RETRY_MS);
    }
  });
}

function stop() {
  if (source) source.close();
  source = null;
}

// The server refused the stream. Whether that is for good the page itself tells.
async function comeAgain() {
  if (document.hidden || source) return;
  if (await fetchPage()) connect();
  else if (place.dataset.liveState !== "session") setTimeout(comeAgain, RETRY_MS);
}

async function fetchPage() {
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname.startsWith("/login")) {
      stop();
      show("session");
      return null;
    }
    return answer.ok ? new DOMParser().parseFromString(await answer.text(), "text/html") : null;
  } catch {
    return null; // the network is away: the stream comes back first, then this
  }
}

const changed = () =>
  [...document.querySelectorAll("[data-live]")].filter((part) => {
    const seen = picture[part.dataset.live];
    return seen && seen.version !== part.dataset.version;
  });

async function refresh() {
  if (!changed().length) return;
  if (fetching) {
    again = true;
    return;
  }
  fetching = true;
  const asked = location.href;
  const page = await fetchPage();
  // Filtered anew meanwhile: this page answers what nobody asks any more.
  if (location.href !== asked) again = true;
  else if (page) for (const part of changed()) swap(part, page.getElementById(part.id));
  fetching = false;
  if (again) {
    again = false;
    refresh();
  }
}

function swap(old, fresh) {
  if (!fresh) return;
  if (old.querySelector("[data-keep]")) {
    // Somebody is writing in there: say that there is news and leave their words alone.
    const news = document.getElementById("live-news");
    if (news) news.hidden = false;
    old.dataset.version = fresh.dataset.version;
    return;
  }
  const known = new Set([...old.querySelectorAll("[data-id]")].map((row) => row.dataset.id));
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  for (const row of fresh.querySelectorAll("[data-id]")) {
    if (!known.has(row.dataset.id)) row.classList.add("fresh");
  }
  if (fresh.dataset.said && Number(fresh.dataset.count) > Number(old.dataset.count)) {
    document.getElementById("live-said").textContent = fresh.dataset.said;
  }
  old.replaceWith(fresh);
  if (focused) (document.getElementById(focused) ?? fresh).focus();
  tick();
}

// --- running clocks: by the server's clock, whatever this computer's says --------------------------
const serverAhead = place ? Date.parse(place.dataset.now) - Date.now() : 0;

function tick() {
  for (const clock of document.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() + serverAhead - Date.parse(clock.dataset.since)) / 1000));
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) - hours * 60;
    const two = (number) => String(number).padStart(2, "0");
    clock.textContent = hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  }
}

// --- questions before an act: the page that asks, shown in place ------------------------------------
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  try {
    const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const panel = page.getElementById("dialog-panel");
    if (!answer.ok || !panel) throw new Error("no question");
    open(panel, link.id);
  } catch {
    location.assign(link.href);
  }
});

function open(panel, opener) {
  const dialog = document.createElement("dialog");
  dialog.className = "question";
  dialog.setAttribute("aria-labelledby", panel.getAttribute("aria-labelledby"));
  panel.classList.remove("panel");
  dialog.append(panel);
  dialog.addEventListener("close", () => {
    dialog.remove();
    document.getElementById(opener)?.focus();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-dialog-close]")) {
      event.preventDefault();
      dialog.close();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector("[data-dialog-close]")?.focus();
  tick();
}

// A hidden tab lets its stream go: browsers allow few connections to one server. Coming back it gets everything.
document.addEventListener("visibilitychange", () => {
  if (!place || ["session", "replaced"].includes(place.dataset.liveState)) return;
  if (document.hidden) stop();
  else if (!source) connect();
});

if (place) {
  tick();
  setInterval(tick, 1000);
  show("connecting");
  connect();
}
