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

// Puts the parts of the answer in the place of ours: after a refusal too, for then somebody else may have
// changed them. An answer that lacks the notices (log-in, an error page) loads the page anew. Gives whether
// the action was done.
export function swap(page, ids) {
  const [notices, fresh] = [document.getElementById("notices"), page.getElementById("notices")];
  if (!notices || !fresh) {
    location.reload();
    return false;
  }
  const refused = fresh.querySelector(".notice.failed") !== null;
  notices.replaceChildren(...fresh.childNodes);
  for (const id of ids) {
    const [ours, theirs] = [document.getElementById(id), page.getElementById(id)];
    if (ours && theirs) ours.replaceWith(theirs);
  }
  if (refused) notices.scrollIntoView({ block: "nearest" });
  return !refused;
}

export function isTyping(target) {
  return Boolean(target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]"));
}

export function hasModifier(event) {
  return event.ctrlKey || event.metaKey || event.altKey;
}
