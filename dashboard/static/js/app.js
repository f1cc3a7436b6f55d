// What every page shares: the switches without losing the place, and waiting times that count down.
const YEAR = 31536000;

function currentTheme() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen) return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

function switchTheme() {
  const next = currentTheme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  document.cookie = `theme=${next}; path=/; max-age=${YEAR}; samesite=strict`;
  document.dispatchEvent(new CustomEvent("theme"));
}

// With script the theme changes in place; without it the form goes to the server and back.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-switches]");
  if (!form) return;
  if (event.submitter && "themeSwitch" in event.submitter.dataset) {
    event.preventDefault();
    switchTheme();
  } else if (location.pathname === form.elements.back.value.split("?")[0]) {
    form.elements.back.value = location.pathname + location.search + location.hash;
  }
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  if (!document.documentElement.dataset.theme) document.dispatchEvent(new CustomEvent("theme"));
});

for (const place of document.querySelectorAll("[data-countdown]")) {
  const until = Date.now() + Number(place.dataset.countdown) * 1000;
  const timer = setInterval(() => {
    const left = Math.max(0, Math.ceil((until - Date.now()) / 1000));
    place.textContent = left;
    if (left === 0) clearInterval(timer);
  }, 1000);
}
