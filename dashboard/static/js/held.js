// Held messages by keyboard: J and K move, R and X ask, Ctrl+Enter confirms, Esc takes it back.
const items = () => [...document.querySelectorAll(".held-item")];
const current = () => document.querySelector('.held-item[aria-current="true"]') ?? items()[0];

function choose(item) {
  if (!item) return;
  for (const other of items()) other.removeAttribute("aria-current");
  item.setAttribute("aria-current", "true");
  item.focus({ preventScroll: true });
  item.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  // Escape leaves an open form even before the focus has come to it.
  const open = event.key === "Escape" ? document.querySelector(".decide-form") : null;
  const form = event.target.closest?.(".decide-form") ?? open;
  if (form) {
    if (event.key === "Escape") form.querySelector("[data-cancel]").click();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select")) return;
  const all = items();
  const at = all.indexOf(current());
  const key = event.key.toLowerCase();
  if (key === "j") choose(all[Math.min(at + 1, all.length - 1)]);
  else if (key === "k") choose(all[Math.max(at - 1, 0)]);
  else if (key === "r" || key === "x") current()?.querySelector(`[data-key="${key}"]`)?.click();
  else return;
  event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  const item = event.target.closest?.(".held-item");
  if (item && item.getAttribute("aria-current") !== "true") {
    for (const other of items()) other.removeAttribute("aria-current");
    item.setAttribute("aria-current", "true");
  }
});
