// An administrator's desk: Escape closes the panel, a form that works says so, secrets are copied on request.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.target.closest("input, select, textarea")) return;
  document.querySelector("[data-close]")?.click();
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-busy]");
  if (!form || event.defaultPrevented) return;
  const shown = document.getElementById(form.dataset.busy);
  if (shown) shown.hidden = false;
  for (const button of form.querySelectorAll("button[type=submit]")) {
    // After the form was read, else the pressed button would not be part of it.
    setTimeout(() => { button.disabled = true; });
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
  button.textContent = button.dataset.copied;
});
