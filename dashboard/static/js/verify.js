// Recomputes the ledger's proofs in this browser: RFC 6962 §2.1.1 with WebCrypto, step by step, no trust needed.
const encoder = new TextEncoder();

export function openProofs(data) {
  const button = document.getElementById("verify");
  if (!button) return;
  button.addEventListener("click", async () => {
    button.disabled = true;
    const result = document.getElementById("verify-result");
    const steps = document.getElementById("verify-steps");
    steps.replaceChildren();
    result.className = "";
    result.textContent = data.texts["proof.running"];
    try {
      const good = await verifyAll(data, steps);
      result.textContent = `${good ? "✓" : "✕"} ${data.texts[good ? "proof.ok" : "proof.bad"]}`;
      result.className = good ? "good" : "bad";
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      result.textContent = data.texts["proof.unreachable"];
    } finally {
      button.disabled = false;
    }
  });
}

class Unreachable extends Error {}

async function verifyAll(data, place) {
  const checkpoint = await get("/api/v1/ledger/checkpoint");
  let good = true;
  for (const proof of data.proofs) {
    const report = new Report(place, data.texts, `${data.texts[`proof.entry.${proof.name}`]} #${proof.seq}`);
    good = (await verifyEntry(proof, checkpoint, report)) && good;
  }
  const seal = new Report(place, data.texts, data.texts["proof.checkpoint"]);
  let sealed = await verifySignature(checkpoint, seal);
  if (data.wav) sealed = (await verifyRecording(data, seal)) && sealed;
  return seal.conclude(sealed) && good;
}

async function verifyEntry(proof, checkpoint, report) {
  const address = `/api/v1/ledger/entries/${proof.seq}`;
  const entry = await get(address);
  const path = await get(`${address}/proof?size=${checkpoint.size}`);
  const record = encoder.encode(entry.record);
  report.say("proof.step.record", { seq: proof.seq, bytes: record.length });
  let hash = await leafHash(record);
  report.show("proof.step.leaf", hash);
  const climbed = await climb(hash, proof.seq, checkpoint.size, path.hashes.map(unbase64), report);
  const matches = climbed !== null && equal(climbed, unbase64(checkpoint.root));
  report.judge("proof.step.root", matches, climbed);
  const fact = JSON.parse(entry.record);
  const told = Object.entries(proof.expect).every(([name, value]) => fact.body[name] === value);
  const named = fact.seq === undefined || fact.seq === proof.seq;
  report.judge("proof.step.content", told && named);
  return report.conclude(matches && told && named);
}

// Climbs from a leaf to the root: RFC 9162 §2.1.3.2. Gives null if the path does not fit the tree.
export async function climb(leaf, seq, size, hashes, report) {
  let index = seq;
  let last = size - 1;
  let hash = leaf;
  let level = 0;
  for (const sibling of hashes) {
    if (last === 0) return null;
    level += 1;
    if (index % 2 === 1 || index === last) {
      hash = await nodeHash(sibling, hash);
      report?.show("proof.step.left", hash, { level });
      while (index % 2 === 0 && index !== 0) {
        index = Math.floor(index / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = await nodeHash(hash, sibling);
      report?.show("proof.step.right", hash, { level });
    }
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}

// The first signature line of a C2SP checkpoint is the log's own: key id (4 bytes) and Ed25519 over the text.
async function verifySignature(checkpoint, report) {
  const vkey = (await get("/api/v1/ledger/key")).public_key;
  const end = checkpoint.note.indexOf("\n\n");
  const text = checkpoint.note.slice(0, end + 1);
  const line = checkpoint.note.slice(end + 2).split("\n")[0];
  const signature = unbase64(line.split(" ")[2]).slice(4);
  const [, size, root] = text.split("\n");
  const says = Number(size) === checkpoint.size && root === checkpoint.root;
  let good;
  try {
    const imported = await crypto.subtle.importKey("raw", vkeyBytes(vkey), { name: "Ed25519" }, false, ["verify"]);
    good = await crypto.subtle.verify("Ed25519", imported, signature, encoder.encode(text));
  } catch {
    report.say("proof.step.signature.skipped");
    return says;
  }
  report.judge("proof.step.signature", good && says);
  return good && says;
}

// A C2SP verifier key is name+id+base64(type, key); base64 may itself hold a plus, the id never does.
function vkeyBytes(vkey) {
  const [, , ...rest] = vkey.split("+");
  return unbase64(rest.join("+")).slice(1);
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
  const good = hex(hash) === data.wav;
  report.judge("proof.step.wav", good, hash);
  return good;
}

// --- hashes ------------------------------------------------------------------------------------

export async function leafHash(record) {
  return sha256(concat([0], record));
}

async function nodeHash(left, right) {
  return sha256(concat([1], left, right));
}

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function concat(...parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function equal(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

function unbase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function hex(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

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

class Report {
  constructor(place, texts, title) {
    this.texts = texts;
    this.details = document.createElement("details");
    this.summary = document.createElement("summary");
    this.summary.textContent = title;
    this.list = document.createElement("ol");
    this.list.className = "verify-list";
    this.details.append(this.summary, this.list);
    place.append(this.details);
  }

  // The sum of an entry's steps stands beside its title; what failed lies open.
  conclude(good) {
    this.summary.append(this.word(good));
    this.details.open = !good;
    return good;
  }

  word(good) {
    const word = document.createElement("b");
    word.className = good ? "good" : "bad";
    word.textContent = good ? ` ✓ ${this.texts["proof.pass"]}` : ` ✕ ${this.texts["proof.fail"]}`;
    return word;
  }

  say(key, values = {}) {
    const item = document.createElement("li");
    item.textContent = this.texts[key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
    this.list.append(item);
    return item;
  }

  show(key, hash, values = {}) {
    const code = document.createElement("code");
    code.textContent = hex(hash);
    this.say(key, values).append(code);
  }

  judge(key, good, hash = null) {
    const item = this.say(key);
    item.append(this.word(good));
    if (hash) {
      const code = document.createElement("code");
      code.textContent = hex(hash);
      item.append(code);
    }
  }
}
