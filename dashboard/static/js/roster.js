// Expected phones: counts what is ticked, ticks all, and offers decisions only while something is ticked.
const boxes = () => [...document.querySelectorAll("#rows .pick input")];

function count() {
  const form = document.getElementById("picked");
  if (!form) return;
  const all = boxes();
  const picked = all.filter((box) => box.checked).length;
  form.toggleAttribute("data-keep", picked > 0);
  for (const button of form.querySelectorAll("[data-decides]")) button.disabled = picked === 0;
  const words = form.querySelector("[data-words]");
  if (words) words.textContent = words.dataset.words.replace("{count}", picked);
  const every = form.querySelector("[data-all]");
  if (!every) return;
  every.closest("[data-pick-all]").hidden = all.length === 0;
  every.checked = picked > 0 && picked === all.length;
  every.indeterminate = picked > 0 && picked < all.length;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) for (const box of boxes()) box.checked = event.target.checked;
  if (event.target.closest("#picked")) count();
});

// The list is swapped by filters and by news: what is ticked is counted anew.
new MutationObserver(count).observe(document.getElementById("main"), { childList: true });
count();
