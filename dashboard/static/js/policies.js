// The policy editor: settings are found while one types, unsaved changes are told, a link opens its group.
const form = document.getElementById("draft");
const groups = [...document.querySelectorAll("details.group")];
const find = document.querySelector("[data-find]");
const onlyGiven = document.querySelector("[data-only-given]");

const isGiven = (row) =>
  [...row.querySelectorAll("input:not([type=hidden]), select, textarea")].some((one) =>
    one.type === "radio" || one.type === "checkbox" ? one.checked && one.value !== "" : one.value !== "",
  );

function sift() {
  const wanted = find.value.trim().toLowerCase();
  const given = onlyGiven.querySelector("input").checked;
  let some = false;
  for (const group of groups) {
    let left = false;
    for (const row of group.querySelectorAll(".set-row")) {
      const blank = row.closest(".item.blank") !== null;
      const fits = row.dataset.words.includes(wanted) && (!given || (!blank && isGiven(row)));
      row.hidden = !fits;
      left ||= fits;
    }
    for (const item of group.querySelectorAll(".keyed, .item")) {
      item.hidden = !item.querySelector(".set-row:not([hidden])");
    }
    group.hidden = !left;
    if (left && (wanted || given)) group.open = true;
    some ||= left;
  }
  document.querySelector("[data-none]").hidden = some;
}

function openTo(hash) {
  // What is refused inside a value is shown at its setting: the nearest that has a place of its own.
  let name = decodeURIComponent(hash.slice(1));
  while (name && !document.getElementById(name)) name = name.replace(/(\.|\[|#)?[^.[#]*$/, "");
  const place = name && document.getElementById(name);
  if (!place) return;
  for (let at = place; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  if (place.tagName === "DETAILS") place.open = true;
  place.scrollIntoView({ block: "start" });
}

if (find) {
  onlyGiven.hidden = false;
  find.addEventListener("input", sift);
  find.addEventListener("keydown", (event) => { if (event.key === "Enter") event.preventDefault(); });
  onlyGiven.addEventListener("change", sift);
  if (find.value) sift();
}
document.addEventListener("click", (event) => {
  const link = event.target.closest?.('#editor a[href^="#"]');
  if (link) openTo(new URL(link.href).hash);
});
// Which groups were open is kept while this window stays.
const kept = `policy-groups:${location.pathname}`;
const wasOpen = sessionStorage.getItem(kept)?.split(",");
if (wasOpen && !find?.value) {
  for (const group of groups) group.open = wasOpen.includes(group.id) || group.querySelector(".row-faults") !== null;
}
for (const group of groups) {
  group.addEventListener("toggle", () => {
    if (find.value || onlyGiven.querySelector("input").checked) return;
    sessionStorage.setItem(kept, groups.filter((one) => one.open).map((one) => one.id).join(","));
  });
}
openTo(location.hash);

// What is typed and not saved is said, and a page that holds some is not left by mistake.
let dirty = document.querySelector("#editor .notice") !== null && form !== null;
const tell = () => {
  const words = document.querySelector("[data-unsaved-words]");
  if (words) words.hidden = !dirty;
};
form?.addEventListener("input", (event) => {
  const row = event.target.closest(".set-row");
  if (row) row.classList.toggle("given", isGiven(row));
  if (event.target.matches("[data-find], [data-only-given] input, [name=phone], [name=department]")) return;
  dirty = true;
  tell();
});
form?.addEventListener("submit", () => { dirty = false; });
addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
tell();
