// What a proof of the ledger is made of: RFC 6962 trees, C2SP signed notes. No page and no server in here.
const encoder = new TextEncoder();
const ED25519 = 1;
const TIMED_ED25519 = 4;

// --- hashes ------------------------------------------------------------------------------------

export async function leafHash(record) {
  return sha256(concat([0], record));
}

async function nodeHash(left, right) {
  return sha256(concat([1], left, right));
}

export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equal(one, other) {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

export function unbase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

export function hex(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// --- paths -------------------------------------------------------------------------------------

// Climbs from a leaf to the root: RFC 9162 §2.1.3.2. Gives null if the path does not fit the tree.
export async function climb(leaf, seq, size, hashes, step = () => {}) {
  if (!(seq >= 0 && seq < size)) return null;
  let index = seq;
  let last = size - 1;
  let hash = leaf;
  let level = 0;
  for (const sibling of hashes) {
    if (last === 0) return null;
    level += 1;
    if (index % 2 === 1 || index === last) {
      hash = await nodeHash(sibling, hash);
      step("proof.step.left", hash, { level });
      while (index % 2 === 0 && index !== 0) [index, last] = [half(index), half(last)];
    } else {
      hash = await nodeHash(hash, sibling);
      step("proof.step.right", hash, { level });
    }
    [index, last] = [half(index), half(last)];
  }
  return last === 0 ? hash : null;
}

// Recomputes both roots from one path: RFC 9162 §2.1.4.2. Gives [old, new], or null if the path does not fit.
export async function grow(oldSize, newSize, oldRoot, newRoot, hashes) {
  if (oldSize > newSize) return null;
  if (oldSize === 0 || oldSize === newSize) return hashes.length ? null : [oldRoot, oldSize ? oldRoot : newRoot];
  const path = isPowerOfTwo(oldSize) ? [oldRoot, ...hashes] : [...hashes];
  if (!path.length) return null;
  let index = oldSize - 1;
  let last = newSize - 1;
  while (index % 2 === 1) [index, last] = [half(index), half(last)];
  let [before] = path;
  let after = before;
  for (const sibling of path.slice(1)) {
    if (last === 0) return null;
    if (index % 2 === 1 || index === last) {
      before = await nodeHash(sibling, before);
      after = await nodeHash(sibling, after);
      while (index % 2 === 0 && index !== 0) [index, last] = [half(index), half(last)];
    } else {
      after = await nodeHash(after, sibling);
    }
    [index, last] = [half(index), half(last)];
  }
  return last === 0 ? [before, after] : null;
}

function half(number) {
  return Math.floor(number / 2);
}

function isPowerOfTwo(number) {
  let rest = number;
  while (rest > 1 && rest % 2 === 0) rest /= 2;
  return rest === 1;
}

// --- signed notes ------------------------------------------------------------------------------

// A C2SP verifier key is name+id+base64(type, key). Gives null where the text is none, or its id is not its own.
export async function readKey(text) {
  const [name, id, ...rest] = text.trim().split("+");
  try {
    const raw = unbase64(rest.join("+")); // base64 may hold a plus, the id never does
    const key = { name, bytes: raw.slice(1), text: text.trim(), id };
    return raw.length === 33 && raw[0] === ED25519 && (await keyId(key, ED25519)) === id ? key : null;
  } catch {
    return null;
  }
}

async function keyId(key, kind) {
  const digest = await sha256(concat(encoder.encode(`${key.name}\n`), [kind], key.bytes));
  return hex(digest.slice(0, 4));
}

// Reads a checkpoint as text: three lines, an empty one, signatures. Gives null where the text is none.
export function readNote(given) {
  const note = `${given.replaceAll("\r\n", "\n").trim()}\n`;
  const end = note.lastIndexOf("\n\n");
  if (end < 0) return null;
  const [origin, size, root, ...more] = note.slice(0, end).split("\n");
  if (!root || more.length || !/^(0|[1-9]\d{0,15})$/.test(size)) return null;
  try {
    const signatures = note.slice(end + 2).trimEnd().split("\n").map(readSignature);
    const rootBytes = unbase64(root);
    if (rootBytes.length !== 32) return null;
    return { origin, size: Number(size), root: rootBytes, text: note.slice(0, end + 1), note, signatures };
  } catch {
    return null;
  }
}

function readSignature(line) {
  const [mark, name, encoded, ...more] = line.split(" ");
  if (mark !== "—" || more.length) throw new TypeError("not a signature line");
  const raw = unbase64(encoded);
  return { name, id: hex(raw.slice(0, 4)), bytes: raw.slice(4) };
}

// Checks both lines of the log's own key. `supported` is false where the browser knows no Ed25519.
export async function checkNote(note, key) {
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.bytes, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return { supported: false, signed: false, timed: false, at: null };
  }
  const verify = (signature, text) => crypto.subtle.verify("Ed25519", imported, signature, encoder.encode(text));
  const plain = await lineOf(note, key, ED25519);
  const timed = await lineOf(note, key, TIMED_ED25519);
  const signed = plain !== null && note.origin === key.name && (await verify(plain, note.text));
  if (timed === null || timed.length !== 72) return { supported: true, signed, timed: false, at: null };
  const seconds = new DataView(timed.buffer, timed.byteOffset).getBigUint64(0);
  const holds = await verify(timed.slice(8), `cosignature/v1\ntime ${seconds}\n${note.text}`);
  return { supported: true, signed, timed: holds, at: holds ? new Date(Number(seconds) * 1000) : null };
}

async function lineOf(note, key, kind) {
  const id = await keyId(key, kind);
  return note.signatures.find((line) => line.name === key.name && line.id === id)?.bytes ?? null;
}
