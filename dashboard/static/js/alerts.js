// Alerts by keyboard: j and k move, Enter opens the second, t takes, x closes with a note.
import { hasModifier, isTyping, send, swap } from "./acting.js";

let busy = false;
const rows = () => [...document.querySelectorAll("#rows > .alert")];
const at = () => rows().findIndex((row) => row.contains(document.activeElement));

document.addEventListener("keydown", (event) => {
  if (isTyping(event.target)) return typing(event);
  if (hasModifier(event)) return;
  const key = event.key.toLowerCase();
  const all = rows();
  if (!all.length) return;
  const row = all[at()];
  if (key === "j" || key === "k") {
    event.preventDefault();
    const step = key === "j" ? 1 : -1;
    all[at() < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at() + step))].focus();
  } else if (event.key === "Enter" && event.target === row) {
    row.querySelector(".alert-open")?.click();
  } else if (key === "t" && row) {
    const button = row.querySelector('[data-key="t"]');
    button?.form.requestSubmit(button);
  } else if (key === "x" && row?.querySelector("details")) {
    event.preventDefault();
    row.querySelector("details").open = true;
    row.querySelector("textarea").focus();
  }
});

function typing(event) {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit();
  } else if (event.key === "Escape") {
    form.closest("details").open = false;
    form.closest(".alert").focus();
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  event.preventDefault();
  if (busy) return;
  busy = true;
  const id = form.closest(".alert").id;
  const place = rows().findIndex((row) => row.id === id);
  try {
    const page = await send(form, event.submitter);
    swap(page, ["results"]);
    // What was closed has left the list: the one after it stands in its place.
    const row = document.getElementById(id) ?? rows()[Math.min(place, rows().length - 1)];
    row?.focus();
  } catch {
    form.submit();
  } finally {
    busy = false;
  }
});
