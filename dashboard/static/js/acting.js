// Sends a form without leaving the page: gives the page that the server answers with, as a document.
// What was typed stays where it is until the caller swaps the parts in.

export async function send(form, submitter) {
  const answer = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form, submitter)),
    headers: { Accept: "text/html" },
  });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Puts the parts of the answer in the place of ours; an answer that lacks them (log-in, an error page) is
// shown as a page. Gives whether the action was done: a refusal leaves what was typed.
export function swap(page, ids) {
  const refusal = page.querySelector(".notice.failed");
  const notices = document.getElementById("notices");
  const fresh = page.getElementById("notices");
  if (!notices || !fresh) {
    location.reload();
    return false;
  }
  notices.replaceChildren(...fresh.childNodes);
  if (refusal) return false;
  for (const id of ids) {
    const [ours, theirs] = [document.getElementById(id), page.getElementById(id)];
    if (ours && theirs) ours.replaceWith(theirs);
  }
  return true;
}

export function isTyping(target) {
  return Boolean(target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]"));
}

export function hasModifier(event) {
  return event.ctrlKey || event.metaKey || event.altKey;
}
