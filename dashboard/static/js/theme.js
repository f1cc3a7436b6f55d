// Runs before the first paint on pages that the server renders without knowing the cookie (errors).
(() => {
  const found = /(?:^|;\s*)theme=(dark|light)(?:;|$)/.exec(document.cookie);
  if (found) document.documentElement.dataset.theme = found[1];
})();
