// One call: player, transcript in step, proofs. Everything is readable before this file has run.
import { openPlayer } from "./player.js";
import { openProofs } from "./verify.js";

const data = JSON.parse(document.getElementById("call-data").textContent);
const player = document.getElementById("player");
if (player) openPlayer(player, data);
openProofs(data);
refreshWhenDone();

// A page that waits for something asks now and then, and reloads when the waiting is over.
function refreshWhenDone() {
  if (!document.querySelector("[data-pending]")) return;
  const timer = setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href);
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page.querySelector("[data-pending]") && sameState(page)) return;
      clearInterval(timer);
      location.reload();
    } catch {
      // the network is away: the next try may find it
    }
  }, 4000);
}

function sameState(page) {
  const id = "#score-title + *";
  return page.querySelector(id)?.textContent.trim() === document.querySelector(id)?.textContent.trim();
}
