// Recomputes the ledger's proofs in this browser with WebCrypto, step by step and in words: no trust needed.
import { checkNote, climb, equal, grow, hex, leafHash, readKey, readNote, sha256, unbase64 } from "./proofs.js";

const encoder = new TextEncoder();
const KEPT_KEY = "maskline.ledger.key";
const KEPT_NOTE = "maskline.ledger.checkpoint";

// --- what is verified --------------------------------------------------------------------------

// The page of a call: its entries, the checkpoint over them, the recording.
export function openProofs(data) {
  openButton(data, async (place, sum) => {
    const note = await newestNote();
    for (const proof of data.proofs) {
      const title = `${data.texts[`proof.entry.${proof.name}`]} #${proof.seq}`;
      await verifyEntry(proof, note, new Report(place, data.texts, title, sum));
    }
    const seal = new Report(place, data.texts, data.texts["proof.checkpoint"], sum);
    const key = kept(KEPT_KEY) ?? (await get("/api/v1/ledger/key")).public_key;
    await verifySignature(note, await readKey(key), seal);
    if (data.wav) await verifyRecording(data, seal);
    seal.conclude();
  });
}

// The pages of the ledger: the auditor's own key, an earlier checkpoint of theirs, some entries.
export function openAudit(data) {
  const form = document.getElementById("audit");
  if (!form) return;
  fillIn(form);
  form.elements.file.addEventListener("change", () => readFile(form));
  document.getElementById("use-server-key").addEventListener("click", async () => {
    form.elements.key.value = (await get("/api/v1/ledger/key")).public_key;
  });
  openButton(data, async (place, sum) => {
    const given = { key: form.elements.key.value, note: form.elements.note.value.trim() };
    const key = await verifyKey(given.key, new Report(place, data.texts, data.texts["proof.part.key"], sum));
    if (!key) return;
    const note = await newestNote();
    const seal = new Report(place, data.texts, data.texts["proof.part.checkpoint"], sum);
    seal.say("proof.step.checkpoint", { size: note?.size ?? "?" });
    await verifySignature(note, key, seal);
    seal.conclude();
    if (given.note) {
      const earlier = new Report(place, data.texts, data.texts["proof.part.earlier"], sum);
      await verifyGrowth(given.note, note, key, earlier);
    } else {
      sum.warn(data.texts["proof.warn.no-earlier"]);
    }
    const seq = form.elements.seq.value;
    if (seq !== "") {
      const proof = { seq: Number(seq), expect: {}, record: data.record };
      await verifyEntry(proof, note, new Report(place, data.texts, `${data.texts["proof.part.entry"]} #${seq}`, sum));
    }
    if (sum.good && form.elements.keep.checked) {
      keep(KEPT_KEY, key.text);
      keep(KEPT_NOTE, note.note);
    }
  });
}

async function verifyKey(text, report) {
  const key = await readKey(text);
  report.judge("proof.step.key", key !== null, key?.bytes);
  if (key) {
    const server = (await get("/api/v1/ledger/key")).public_key;
    report.judge("proof.step.key.server", server === key.text);
    if (kept(KEPT_KEY) === key.text) report.say("proof.step.key.kept");
    else report.sum.warn(report.texts["proof.warn.key"]);
  }
  report.conclude();
  return key;
}

// The signed words count: what the server says beside them is held against them.
async function newestNote() {
  const told = await get("/api/v1/ledger/checkpoint");
  const note = readNote(told.note);
  if (note) note.says = note.size === told.size && equal(note.root, unbase64(told.root));
  return note;
}

async function verifySignature(note, key, report) {
  if (!note || !key) {
    report.judge("proof.step.signature", false);
    return null;
  }
  const found = await checkNote(note, key);
  if (!found.supported) {
    report.skip("proof.step.signature.skipped");
    if (!note.says) report.judge("proof.step.signature", false);
    return found;
  }
  report.judge("proof.step.signature", found.signed && note.says, note.root);
  report.judge("proof.step.signed-at", found.timed, null, { at: found.at ? moment(found.at) : "—" });
  return found;
}

async function verifyGrowth(given, note, key, report) {
  const mine = readNote(newestOf(given));
  report.judge("proof.step.earlier", mine !== null, mine?.root, { size: mine?.size ?? "?" });
  if (mine && note) {
    const signed = await checkNote(mine, key);
    if (signed.supported) report.judge("proof.step.earlier.signature", signed.signed && signed.timed);
    else report.skip("proof.step.signature.skipped");
    const longer = note.size >= mine.size;
    report.judge("proof.step.earlier.size", longer, null, { old: mine.size, size: note.size });
    if (longer) {
      const path = await get(`/api/v1/ledger/consistency?old=${mine.size}&new=${note.size}`);
      report.say("proof.step.earlier.path", { count: path.hashes.length });
      const roots = await grow(mine.size, note.size, mine.root, note.root, path.hashes.map(unbase64));
      report.judge("proof.step.earlier.old", roots !== null && equal(roots[0], mine.root), roots?.[0]);
      report.judge("proof.step.earlier.new", roots !== null && equal(roots[1], note.root), roots?.[1]);
    }
  }
  report.conclude();
}

async function verifyEntry(proof, note, report) {
  const address = `/api/v1/ledger/entries/${proof.seq}`;
  const entry = await get(address);
  const path = await get(`${address}/proof?size=${note?.size ?? 1}`);
  const record = encoder.encode(entry.record);
  report.say("proof.step.record", { seq: proof.seq, bytes: record.length });
  const hash = await leafHash(record);
  report.show("proof.step.leaf", hash);
  const climbed =
    note && (await climb(hash, proof.seq, note.size, path.hashes.map(unbase64), (...step) => report.show(...step)));
  report.judge("proof.step.root", Boolean(climbed) && equal(climbed, note.root), climbed);
  const fact = parsed(entry.record);
  const told = Object.entries(proof.expect).every(([name, value]) => fact?.body?.[name] === value);
  const shown = proof.record === undefined || proof.record === null || proof.record === entry.record;
  report.judge("proof.step.content", told && shown && fact?.seq === proof.seq);
  report.conclude();
}

async function verifyRecording(data, report) {
  let answer;
  try {
    answer = await fetch(data.recording);
  } catch {
    throw new Unreachable();
  }
  if (!answer.ok) throw new Unreachable();
  const hash = await sha256(new Uint8Array(await answer.arrayBuffer()));
  report.judge("proof.step.wav", hex(hash) === data.wav, hash);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// --- what the auditor brings along -------------------------------------------------------------

function fillIn(form) {
  form.elements.key.value ||= kept(KEPT_KEY) ?? "";
  form.elements.note.value ||= kept(KEPT_NOTE) ?? "";
  form.elements.keep.checked = kept(KEPT_KEY) !== null;
}

async function readFile(form) {
  const [file] = form.elements.file.files;
  if (file) form.elements.note.value = newestOf(await file.text());
}

// A checkpoint as it is, or the newest of a log of checkpoints (JSON lines with `note`).
function newestOf(text) {
  if (!text.trimStart().startsWith("{")) return text;
  const notes = text.split("\n").map((line) => parsed(line)?.note).filter((note) => typeof note === "string");
  const read = notes.map(readNote).filter(Boolean);
  return read.sort((one, other) => other.size - one.size)[0]?.note ?? text;
}

function kept(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // a browser that keeps nothing
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // as above
  }
}

class Unreachable extends Error {}

async function get(address) {
  try {
    const answer = await fetch(address, { headers: { Accept: "application/json" } });
    if (answer.ok) return await answer.json();
  } catch {
    // told below: nothing was concluded
  }
  throw new Unreachable();
}

// --- what people see ---------------------------------------------------------------------------

function openButton(data, work) {
  const button = document.getElementById("verify");
  if (!button) return;
  const result = document.getElementById("verify-result");
  const steps = document.getElementById("verify-steps");
  const warnings = document.getElementById("verify-warnings");
  button.closest("form")?.addEventListener("submit", (event) => event.preventDefault());
  button.addEventListener("click", async () => {
    button.disabled = true;
    steps.replaceChildren();
    warnings?.replaceChildren();
    result.className = "";
    result.textContent = data.texts["proof.running"];
    const sum = new Sum(warnings);
    try {
      if (!globalThis.crypto?.subtle) throw new Insecure();
      await work(steps, sum);
      result.textContent = `${sum.sign} ${data.texts[sum.text]}`;
      result.className = sum.look;
    } catch (error) {
      result.className = sum.good ? "" : "bad";
      if (error instanceof Insecure) result.textContent = data.texts["proof.insecure"];
      else if (!(error instanceof Unreachable)) throw error;
      else result.textContent = sum.good ? data.texts["proof.unreachable"] : `✕ ${data.texts["proof.bad"]}`;
    } finally {
      button.disabled = false;
    }
  });
}

class Insecure extends Error {}

// What all steps come to. A step that could not be made leaves the sum good but not sure.
class Sum {
  constructor(warnings) {
    this.good = true;
    this.sure = true;
    this.warnings = warnings;
  }

  warn(text) {
    const item = document.createElement("li");
    item.textContent = text;
    this.warnings?.append(item);
  }

  get sign() {
    if (!this.good) return "✕";
    return this.sure ? "✓" : "◆";
  }

  get text() {
    if (!this.good) return "proof.bad";
    return this.sure ? "proof.ok" : "proof.unsure";
  }

  get look() {
    if (!this.good) return "bad";
    return this.sure ? "good" : "unsure";
  }
}

class Report {
  constructor(place, texts, title, sum) {
    this.texts = texts;
    this.sum = sum;
    this.good = true;
    this.sure = true;
    this.details = document.createElement("details");
    this.summary = document.createElement("summary");
    this.summary.textContent = title;
    this.list = document.createElement("ol");
    this.list.className = "verify-list";
    this.details.append(this.summary, this.list);
    place.append(this.details);
  }

  // The sum of the steps stands beside the title; what failed lies open.
  conclude() {
    this.summary.append(this.word(this.good, this.sure));
    this.details.open = !this.good;
  }

  word(good, sure = true) {
    const word = document.createElement("b");
    if (!good) [word.className, word.textContent] = ["bad", ` ✕ ${this.texts["proof.fail"]}`];
    else if (sure) [word.className, word.textContent] = ["good", ` ✓ ${this.texts["proof.pass"]}`];
    else [word.className, word.textContent] = ["unsure", ` ◆ ${this.texts["proof.skipped"]}`];
    return word;
  }

  say(key, values = {}) {
    const item = document.createElement("li");
    item.textContent = this.texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
    this.list.append(item);
    return item;
  }

  skip(key) {
    this.sure = this.sum.sure = false;
    this.say(key);
  }

  show(key, hash, values = {}) {
    const code = document.createElement("code");
    code.textContent = hex(hash);
    this.say(key, values).append(code);
  }

  judge(key, good, hash = null, values = {}) {
    if (!good) this.good = this.sum.good = false;
    const item = this.say(key, values);
    item.append(this.word(good));
    if (hash) {
      const code = document.createElement("code");
      code.textContent = hex(hash);
      item.append(code);
    }
  }
}

function moment(at) {
  return `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
