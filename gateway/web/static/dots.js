// Every gateway as a dot, whose shape and colour are its state. Each state has one SVG path, so that
// a thousand gateways do not need a thousand nodes.

/** The states by their letter in the scene. The shapes are centred on 0,0 and 8 units wide. */
export const STATES = {
  l: { name: "live", shape: "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z" },
  k: { name: "keeping", shape: "m-4 -4h8v8h-8z" },
  c: { name: "catching up", shape: "m0 -5l5 9h-10z" },
  b: { name: "bike lost", shape: "m-4 -2l2 -2l2 2l2 -2l2 2l-2 2l2 2l-2 2l-2 -2l-2 2l-2 -2l2 -2z" },
};
const STEP = 12;
/** The ratio of columns to rows: about that of width to height of the field on the page. */
const ASPECT = 4;
const FEWEST_COLUMNS = 12;

/** Return the size of the field in units, and the path of each state's dots. */
export function dots(letters) {
  const columns = Math.max(FEWEST_COLUMNS, Math.ceil(Math.sqrt(letters.length * ASPECT)));
  const rows = Math.max(1, Math.ceil(letters.length / columns));
  const paths = Object.fromEntries(Object.keys(STATES).map((letter) => [letter, ""]));
  [...letters].forEach((letter, index) => {
    const x = (index % columns) * STEP + STEP / 2;
    const y = Math.floor(index / columns) * STEP + STEP / 2;
    paths[letter] += `M${x} ${y}${STATES[letter].shape}`;
  });
  return { width: columns * STEP, height: rows * STEP, paths };
}

/** Return how many gateways are in each state, by its letter. */
export function counted(letters) {
  const counts = Object.fromEntries(Object.keys(STATES).map((letter) => [letter, 0]));
  for (const letter of letters) counts[letter] += 1;
  return counts;
}
