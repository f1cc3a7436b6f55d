// An administrator's desk: Escape closes the panel, files go up with progress, secrets are copied,
// and an address holds no empty filter.
document.addEventListener("formdata", (event) => {
  if (event.target.method !== "get") return;
  for (const [name, value] of [...event.formData.entries()]) {
    if (value === "") event.formData.delete(name);
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.target.closest("input, select, textarea")) return;
  document.querySelector("[data-close]")?.click();
});

// A file goes up with its progress shown; without script the form goes by itself.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-upload]");
  if (!form) return;
  event.preventDefault();
  const state = form.querySelector(".upload-state");
  const bar = state.querySelector("progress");
  const words = state.querySelector("output");
  const button = form.querySelector("button[type=submit]");
  const request = new XMLHttpRequest();
  request.responseType = "document";
  const say = (text) => { words.textContent = text; };
  request.upload.addEventListener("progress", ({ lengthComputable, loaded, total }) => {
    if (lengthComputable) bar.value = loaded / total;
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    say(state.dataset.checking);
  });
  request.addEventListener("load", () => {
    // The report has its own address; a refusal is the same page again.
    if (request.responseURL !== form.action) {
      location.assign(request.responseURL);
    } else {
      document.getElementById("main").replaceWith(document.adoptNode(request.response.getElementById("main")));
      document.getElementById("main").focus();
    }
  });
  request.addEventListener("error", () => form.submit());
  state.hidden = false;
  button.disabled = true;
  say(state.dataset.uploading);
  request.open("POST", form.action);
  request.send(new FormData(form));
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
  button.textContent = button.dataset.copied;
});
