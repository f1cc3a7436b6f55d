// Reads cases as JSON from standard input, runs the browser's own proof code on them, prints what it found.
import { checkNote, climb, equal, grow, readKey, readNote, unbase64 } from "../../../dashboard/static/js/proofs.js";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { inclusions, consistencies, keys, notes } = JSON.parse(Buffer.concat(chunks).toString());

async function included(one) {
  const root = await climb(unbase64(one.leaf), one.seq, one.size, one.hashes.map(unbase64));
  return root !== null && equal(root, unbase64(one.root));
}

async function grown(one) {
  const [before, after] = [unbase64(one.oldRoot), unbase64(one.newRoot)];
  const roots = await grow(one.old, one.new, before, after, one.hashes.map(unbase64));
  return roots !== null && equal(roots[0], before) && equal(roots[1], after);
}

async function noted(one) {
  const note = readNote(one.note);
  if (!note) return "unreadable";
  const found = await checkNote(note, await readKey(one.key));
  return [found.signed, found.timed, note.size, found.at?.toISOString() ?? null];
}

const all = (cases, judge) => Promise.all(cases.map(judge));
console.log(
  JSON.stringify({
    inclusions: await all(inclusions, included),
    consistencies: await all(consistencies, grown),
    keys: await all(keys, async (text) => (await readKey(text)) !== null),
    notes: await all(notes, noted),
  }),
);
