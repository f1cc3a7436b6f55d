// Conduct events by keyboard: j and k move, Enter opens, x ticks, h writes the note for all that is ticked.
// While something is ticked the list stays as it is, and says when there is news.
import { hasModifier, isTyping } from "./acting.js";

const rows = () => [...document.querySelectorAll("#rows > tr")];
const boxes = () => [...document.querySelectorAll("#rows .pick input")];

function count() {
  const form = document.getElementById("picked");
  const button = form?.querySelector("[data-words]");
  if (!button) return;
  const all = boxes();
  const picked = all.filter((box) => box.checked).length;
  form.toggleAttribute("data-keep", picked > 0);
  button.disabled = picked === 0;
  button.textContent = picked ? button.dataset.words.replace("{count}", picked) : button.dataset.none;
  const every = form.querySelector("[data-all]");
  every.closest("[data-pick-all]").hidden = all.length === 0;
  every.checked = picked > 0 && picked === all.length;
  every.indeterminate = picked > 0 && picked < all.length;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.closest("#picked")) count();
});

document.addEventListener("keydown", (event) => {
  const note = document.querySelector("#picked input[name=note]");
  if (event.key === "Escape" && event.target === note) {
    rows()[0]?.querySelector(".row-link").focus();
    return;
  }
  if (hasModifier(event) || isTyping(event.target)) return;
  const all = rows();
  const at = all.findIndex((row) => row.contains(document.activeElement));
  const step = { j: 1, k: -1 }[event.key.toLowerCase()];
  if (step && all.length) {
    event.preventDefault();
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + step));
    all[next].querySelector(".row-link").focus();
  } else if (event.key.toLowerCase() === "x" && at >= 0) {
    const box = all[at].querySelector(".pick input");
    if (box) box.checked = !box.checked;
    count();
  } else if (event.key.toLowerCase() === "h" && note) {
    event.preventDefault();
    note.focus();
  }
});

// The list is swapped by filters and by news: what is ticked is counted anew.
new MutationObserver(count).observe(document.getElementById("main"), { childList: true });
count();
