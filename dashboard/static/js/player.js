// Plays a recording: two lanes of server-made peaks, marks of findings, and the transcript in step.
import WaveSurfer from "../vendor/wavesurfer.esm.js";
import Regions from "../vendor/wavesurfer-regions.esm.js";

const STEP_S = 5;
const LEAD_S = 0.6; // a jump to a finding begins a little before it, so that the first syllable is heard
const LANE = 56;

export function openPlayer(root, data) {
  const audio = root.querySelector("audio");
  const controls = root.querySelector(".controls");
  const play = root.querySelector("#play");
  const seek = (seconds) => {
    audio.currentTime = Math.max(0, Math.min(seconds, audio.duration || data.duration));
    // Nothing is fetched before somebody plays, for every fetch is written down as listening; until then the
    // place is only remembered, and no event tells of it.
    if (audio.readyState === 0) audio.dispatchEvent(new Event("timeupdate"));
  };

  audio.controls = false;
  audio.hidden = true;
  controls.hidden = false;
  audio.addEventListener("error", () => {
    root.querySelector("#player-failed").hidden = false;
    controls.hidden = true;
  });

  play.addEventListener("click", () => toggle(audio));
  for (const state of ["play", "pause", "ended"]) audio.addEventListener(state, () => showState(play, audio));
  for (const button of controls.querySelectorAll("[data-skip]")) {
    button.addEventListener("click", () => seek(audio.currentTime + Number(button.dataset.skip)));
  }
  root.querySelector("#speed").addEventListener("change", (event) => {
    audio.playbackRate = Number(event.target.value);
  });

  const script = followTranscript(audio);
  audio.addEventListener("timeupdate", () => showTime(root, audio, data));
  audio.addEventListener("seeked", () => showTime(root, audio, data));
  jumps(seek, audio, script);
  followFindings(seek, script);
  keys(seek, audio);
  drawWave(root, audio, data, seek);
  openAtAddress(seek, script);
}

function toggle(audio) {
  if (audio.paused) start(audio);
  else audio.pause();
}

// A pause before the sound has come ends the wish to play: that is no fault. Real ones arrive as "error".
function start(audio) {
  audio.play().catch(() => {});
}

function showState(button, audio) {
  const paused = audio.paused;
  button.querySelector(".sign").textContent = paused ? "▶" : "❚❚";
  button.querySelector(".word").textContent = paused ? button.dataset.play : button.dataset.pause;
}

function clock(seconds) {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function showTime(root, audio, data) {
  const now = audio.currentTime;
  root.querySelector("#now").textContent = clock(now);
  const wave = root.querySelector("#wave");
  wave.setAttribute("aria-valuenow", Math.round(now));
  wave.setAttribute("aria-valuetext", `${clock(now)} / ${clock(data.duration)}`);
}

// --- transcript --------------------------------------------------------------------------------

function followTranscript(audio) {
  const list = document.getElementById("transcript");
  const box = document.getElementById("follow");
  if (!list) return { show() {} };
  const turns = [...list.children];
  let current = null;
  let ours = false; // whether the scrolling under way is ours

  const reveal = (turn) => {
    const top = turn.offsetTop - list.offsetTop;
    const target = top - (list.clientHeight - turn.offsetHeight) / 2;
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    ours = true;
    list.scrollTo({ top: target, behavior: calm ? "auto" : "smooth" });
  };
  list.addEventListener("scrollend", () => (ours = false));
  const released = () => {
    ours = false;
    if (box && !audio.paused) box.checked = false;
  };
  list.addEventListener("wheel", released, { passive: true });
  list.addEventListener("touchmove", released, { passive: true });
  list.addEventListener("scroll", () => ours || released());
  box?.addEventListener("change", () => box.checked && current && reveal(current));

  const update = () => {
    const now = audio.currentTime;
    const turn = turns.findLast((item) => Number(item.dataset.begin) <= now + 0.05 && now < Number(item.dataset.end)) ?? null;
    if (turn === current) return;
    current?.removeAttribute("aria-current");
    current = turn;
    current?.setAttribute("aria-current", "true");
    if (current && (!box || box.checked)) reveal(current);
  };
  audio.addEventListener("timeupdate", update);
  audio.addEventListener("seeked", update);
  return {
    show(turn) {
      if (box) box.checked = true;
      reveal(turn);
    },
  };
}

// --- jumps -------------------------------------------------------------------------------------

function jumps(seek, audio, script) {
  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("[data-still]")) return; // a form inside a finding is no wish to hear it
    const mark = target?.closest("mark[data-finding]");
    if (mark) return goToFinding(mark.dataset.finding, seek, audio, script);
    const button = target?.closest("[data-seek]");
    const finding = target?.closest("li.finding");
    if (finding) return goToFinding(finding.id.replace("finding-", ""), seek, audio, script);
    if (button) return jump(Number(button.dataset.seek), seek, audio);
    const turn = target?.closest("li.turn");
    if (turn && getSelection().isCollapsed) jump(Number(turn.dataset.begin), seek, audio);
  });
}

// Who goes through the findings by keyboard brings the place along; nothing starts by itself.
function followFindings(seek, script) {
  document.addEventListener("finding", (event) => point(event.detail, seek, script));
}

function jump(seconds, seek, audio) {
  seek(seconds);
  start(audio);
}

function goToFinding(id, seek, audio, script) {
  if (point(id, seek, script)) start(audio);
}

// Marks a finding as the chosen one and brings the playback there; false if it has no place.
function point(id, seek, script) {
  const finding = document.getElementById(`finding-${id}`);
  const button = finding?.querySelector("[data-seek]");
  if (!button) return false;
  for (const other of document.querySelectorAll("li.finding[aria-current]")) other.removeAttribute("aria-current");
  finding.setAttribute("aria-current", "true");
  finding.scrollIntoView({ block: "nearest" });
  seek(Number(button.dataset.seek) - LEAD_S);
  const turn = document.getElementById(`sentence-${button.dataset.sentence}`);
  if (turn) script.show(turn);
  return true;
}

function openAtAddress(seek, script) {
  const id = /^#finding-([0-9a-f]{32})$/.exec(location.hash)?.[1];
  if (id) point(id, seek, script);
}

// --- keys --------------------------------------------------------------------------------------

function keys(seek, audio) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");
    const pressing = event.target.closest("button, a, summary, input") && (event.key === " " || event.key === "Enter");
    if (typing || pressing) return;
    const act = {
      " ": () => toggle(audio),
      k: () => toggle(audio),
      ArrowLeft: () => seek(audio.currentTime - STEP_S),
      ArrowRight: () => seek(audio.currentTime + STEP_S),
      j: () => seek(audio.currentTime - 2 * STEP_S),
      l: () => seek(audio.currentTime + 2 * STEP_S),
      Home: event.target.id === "wave" ? () => seek(0) : null,
      End: event.target.id === "wave" ? () => seek(Infinity) : null,
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

// --- waveform ----------------------------------------------------------------------------------

async function drawWave(root, audio, data, seek) {
  const place = root.querySelector("#wave");
  const buckets = Math.max(200, Math.min(1600, Math.round(root.clientWidth)));
  let peaks;
  try {
    const answer = await fetch(`${data.peaks}?buckets=${buckets}`);
    if (!answer.ok) return;
    peaks = await answer.json();
  } catch {
    return; // the sound plays without its picture
  }
  root.querySelector(".lanes").hidden = false;
  const regions = Regions.create();
  const wave = WaveSurfer.create({
    container: place,
    media: audio,
    peaks: [peaks.staff, peaks.customer],
    duration: peaks.duration_ms / 1000,
    height: LANE,
    splitChannels: lanes(),
    maxPeak: Math.max(0.05, ...peaks.staff, ...peaks.customer),
    normalize: false,
    barWidth: 2,
    barGap: 1,
    cursorWidth: 2,
    cursorColor: colour("--ink"),
    cspNonce: root.dataset.nonce,
    plugins: [regions],
  });
  const draw = () => {
    regions.clearRegions();
    for (const mark of data.marks) addMark(regions, mark);
  };
  wave.on("ready", draw);
  wave.on("interaction", (seconds) => seek(seconds));
  regions.on("region-clicked", (region, event) => {
    event.stopPropagation();
    document.getElementById(`finding-${region.id}`)?.click();
  });
  document.addEventListener("theme", () => {
    wave.setOptions({ splitChannels: lanes(), cursorColor: colour("--ink") });
    draw();
  });
}

function lanes() {
  return ["--staff", "--customer"].map((name) => ({
    height: LANE,
    waveColor: colour(`${name}-wave`),
    progressColor: colour(name),
  }));
}

function addMark(regions, mark) {
  const region = regions.addRegion({
    id: mark.id,
    start: mark.begin,
    end: Math.max(mark.end, mark.begin + 0.2),
    channelIdx: mark.lane,
    color: colour(`--mark-${mark.severity}`),
    drag: false,
    resize: false,
  });
  region.element.title = mark.title;
  region.element.style.cursor = "pointer";
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
