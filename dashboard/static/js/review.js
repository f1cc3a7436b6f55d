// Reviews findings by keyboard: choose, comment, send, go on to the next. Every form works without this.
import { hasModifier, isTyping, send, swap } from "./acting.js";

const PARTS = ["head", "score-panel", "findings-panel"];
let busy = false;

const panel = () => document.getElementById("findings-panel");
const findings = () => [...document.querySelectorAll("li.finding")];
const current = () => document.querySelector("li.finding[aria-current]");
const nextInspection = () => document.getElementById("next-inspection");

document.documentElement.classList.add("scripted");
document.addEventListener("keydown", onKey);
document.addEventListener("submit", onSubmit);
document.addEventListener("click", (event) => {
  const finding = event.target.closest?.("li.finding");
  if (finding && event.target.closest("[data-still]") && current() !== finding) choose(finding);
});
begin();

// The first finding that waits for a decision is at hand, unless the address names one.
function begin() {
  if (!panel() || /^#finding-/.test(location.hash)) {
    const named = document.getElementById(location.hash.slice(1));
    if (named?.matches("li.finding") && !current()) mark(named);
    return;
  }
  const first = document.querySelector("li.finding[data-due]") ?? document.querySelector("li.finding");
  if (first) mark(first);
}

function mark(finding) {
  for (const other of findings()) if (other !== finding) other.removeAttribute("aria-current");
  finding.setAttribute("aria-current", "true");
}

// Brings a finding to hand, and the player to its second, without starting it.
function choose(finding) {
  mark(finding);
  finding.scrollIntoView({ block: "nearest" });
  document.dispatchEvent(new CustomEvent("finding", { detail: finding.id.replace("finding-", "") }));
}

function move(step) {
  const all = findings();
  const at = all.indexOf(current());
  const to = all[at + step];
  if (to) choose(to);
  else if (step > 0) nextInspection()?.click();
}

// After a decision: the next finding that waits, from here on and round; else the way to the next inspection.
function goOn(id) {
  const all = findings();
  const at = all.findIndex((finding) => finding.id === id);
  const waiting = [...all.slice(at + 1), ...all.slice(0, at + 1)].find((finding) => "due" in finding.dataset);
  const here = document.getElementById(id);
  if (waiting) choose(waiting);
  else {
    if (here) mark(here);
    nextInspection()?.focus();
  }
}

function onKey(event) {
  const form = event.target.closest("form[data-act]");
  if (isTyping(event.target)) {
    if (!form) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector(".chosen") ?? form.querySelector("button[type=submit]"));
    } else if (event.key === "Escape") event.target.blur();
    return;
  }
  if (hasModifier(event)) return;
  const key = event.key.toLowerCase();
  if (key === "n" || key === "p") {
    event.preventDefault();
    move(key === "n" ? 1 : -1);
  } else if (key === "c" || key === "o") pick(event, key);
  else if (key === "u" || key === "f" || key === "a") press(event, key);
}

// c and o choose the ruling and go to the comment; Ctrl+Enter sends both.
function pick(event, key) {
  const button = current()?.querySelector(`[data-choice="${key}"]`);
  if (!button) return;
  event.preventDefault();
  const form = button.form;
  for (const other of form.querySelectorAll("[data-choice]")) other.classList.toggle("chosen", other === button);
  form.querySelector(".send").hidden = false;
  form.elements.comment.focus();
  form.scrollIntoView({ block: "nearest" });
}

function press(event, key) {
  const own = key === "u" ? current()?.querySelector(".undo button") : null;
  const button = own ?? panel()?.querySelector(`.review-bar [data-key="${key}"]`);
  if (!button) return;
  event.preventDefault();
  button.form.requestSubmit(button);
}

// What was typed stays after a refusal, in the form as it stands now.
function keep(form, finding, submitter) {
  const action = new URL(form.action).pathname;
  const fresh = finding?.querySelector(`form[action="${action}"]`);
  const [old, text] = [form.querySelector("textarea"), fresh?.querySelector("textarea")];
  if (!old || !text) return;
  text.value = old.value;
  const choice = submitter?.dataset.choice && fresh.querySelector(`[data-choice="${submitter.dataset.choice}"]`);
  choice?.classList.add("chosen");
  text.closest("details")?.setAttribute("open", "");
  text.focus();
}

async function onSubmit(event) {
  const form = event.target.closest("form[data-act]");
  if (!form) return;
  event.preventDefault();
  if (busy) return;
  busy = true;
  const finding = form.closest("li.finding")?.id;
  const decided = form.classList.contains("decide");
  try {
    const page = await send(form, event.submitter);
    const place = panel()?.querySelector(".findings")?.scrollTop ?? 0;
    const done = swap(page, PARTS);
    const list = panel()?.querySelector(".findings");
    if (list) list.scrollTop = place;
    const here = finding && document.getElementById(finding);
    if (!done) {
      if (here) mark(here);
      return keep(form, here, event.submitter);
    }
    if (decided) goOn(finding);
    else if (here) mark(here);
    else if (form.action.endsWith("/finish")) nextInspection()?.focus();
    if (!document.activeElement || document.activeElement === document.body) document.getElementById("main")?.focus({ preventScroll: true });
  } catch {
    form.submit(); // the network or the answer failed: the browser says so, and nothing is hidden
  } finally {
    busy = false;
  }
}
