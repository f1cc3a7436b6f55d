// A list by keyboard: j and k move from row to row, Enter opens (the row's own link does that).
import { hasModifier, isTyping } from "./acting.js";

document.addEventListener("keydown", (event) => {
  if (hasModifier(event) || isTyping(event.target)) return;
  const step = { j: 1, k: -1 }[event.key.toLowerCase()];
  if (!step) return;
  const links = [...document.querySelectorAll("#rows .row-link")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  const next = at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step));
  event.preventDefault();
  links[next].focus();
});
