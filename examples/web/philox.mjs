// Random numbers by place: the twin of runtime/coop_runtime/philox.py.
// Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011: Philox4x32-10.

const LATENT = 0;
const NOISE = 1;

export const PURPOSE = { LATENT, NOISE };

/** The upper 32 bits of the product of two 32-bit words. */
function upper(a, b) {
  const al = a & 0xffff;
  const ah = a >>> 16;
  const bl = b & 0xffff;
  const bh = b >>> 16;
  const middle = ah * bl + ((al * bl) >>> 16);
  const carry = (middle & 0xffff) + al * bh;
  return (ah * bh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0;
}

/** Four random words for a counter of four words and a key of two; written to `out`. */
export function philox(c0, c1, c2, c3, k0, k1, out = new Uint32Array(4)) {
  for (let round = 0; round < 10; round++) {
    const h0 = upper(0xd2511f53, c0);
    const l0 = Math.imul(0xd2511f53, c0);
    const h1 = upper(0xcd9e8d57, c2);
    const l1 = Math.imul(0xcd9e8d57, c2);
    c0 = (h1 ^ c1 ^ k0) >>> 0;
    c1 = l1;
    c2 = (h0 ^ c3 ^ k1) >>> 0;
    c3 = l0;
    k0 = (k0 + 0x9e3779b9) | 0;
    k1 = (k1 + 0xbb67ae85) | 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
  return out;
}

/** The key of one step of one example's numbers; seed is a whole number below 2^53. */
function key({ seed, example, purpose }, step) {
  return philox(example, purpose, step, 0, seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0);
}

/** A word as a number in (0, 1). */
const unit = (word) => ((word >>> 9) + 0.5) * 2 ** -23;

/** N(0, I) by Box and Muller's method: channels × height × width, as a Float32Array. */
export function normal(stream, [channels, height, width], step = 0) {
  const [k0, k1] = key(stream, step);
  const words = new Uint32Array(4);
  const out = new Float32Array(channels * height * width);
  for (let c = 0, row = 0; c < channels; c++) {
    for (let i = 0; i < height; i++, row += width) {
      for (let j = 0; j < width; j += 4) {
        philox(j / 4, i, 0, c, k0, k1, words);
        for (let k = 0; k < 4 && j + k < width; k++) {
          const radius = Math.sqrt(-2 * Math.log(unit(words[k & 2])));
          const angle = 2 * Math.PI * unit(words[(k & 2) + 1]);
          out[row + j + k] = radius * (k & 1 ? Math.sin(angle) : Math.cos(angle));
        }
      }
    }
  }
  return out;
}
