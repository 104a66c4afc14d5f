// Plays a bundle's pictures with onnxruntime-web: card.json and two graphs are all it needs.
import * as ort from "onnxruntime-web";
import { PURPOSE, normal } from "./philox.mjs";

/** A bundle: await Model.load("brick/"), then generate() and refine(). */
export class Model {
  constructor(card, sessions) {
    this.card = card;
    this.sessions = sessions;
  }

  /** Loads card and graphs from the folder at `url`; `read(name)` gives a file's bytes. */
  static async load(url, read = fetched(url)) {
    const card = JSON.parse(new TextDecoder().decode(await read("card.json")));
    if (card.signal?.dims !== 2) throw new Error("this page plays pictures: signal.dims is not 2");
    const sessions = {};
    for (const name of ["generator", "energy"]) {
      if (!(name in card.graphs)) throw new Error(`the bundle has no ${name}`);
      const { file } = card.graphs[name];
      const bytes = await read(file);
      if ((await sha256(bytes)) !== card.files[file].sha256) throw new Error(`${file} was changed`);
      sessions[name] = await ort.InferenceSession.create(bytes);
    }
    return new Model(card, sessions);
  }

  /** x = g(z), z ~ N(0, I): example `example` of `seed`, height × width whole latent cells. */
  async generate(seed, [height, width], example = 0) {
    const { channels, strides } = this.card.latent;
    const cells = [height / strides[0], width / strides[1]];
    if (!cells.every(Number.isInteger)) throw new Error(`sizes: multiples of ${strides} only`);
    const z = normal({ seed, example, purpose: PURPOSE.LATENT }, [channels, ...cells]);
    const feed = { z: new ort.Tensor("float32", z, [1, channels, ...cells]) };
    const { x } = await this.sessions.generator.run(feed);
    return { data: clamped(x.data, this.card.signal.value_range), dims: x.dims };
  }

  /** Langevin revision, x ← clamp(x − clip(½δ²∇E(x)) + δn): yields { step, x, energy }. */
  async *refine(x, steps, seed, example = 0) {
    const { step_size: size, max_drift: most, noise, clamp } = this.card.langevin;
    const limit = most ?? Infinity;
    for (let step = 0; ; step++) {
      const feed = { x: new ort.Tensor("float32", x.data, x.dims) };
      const { energy, gradient } = await this.sessions.energy.run(feed);
      yield { step, x, energy: energy.data[0] };
      if (step === steps) return;
      const stream = { seed, example, purpose: PURPOSE.NOISE };
      const n = noise ? normal(stream, x.dims.slice(1), step + 1) : null;
      const next = x.data.map((value, k) => {
        const drift = 0.5 * size * size * gradient.data[k];
        return value - Math.min(limit, Math.max(-limit, drift)) + (n ? size * n[k] : 0);
      });
      x = { data: clamp ? clamped(next, this.card.signal.value_range) : next, dims: x.dims };
    }
  }

  /**
   * Pixels for a canvas: principal colours are mixed to channels, value_range goes to
   * source_range, grey to three equal channels.
   */
  pixels({ data, dims: [, channels, height, width] }) {
    const area = height * width;
    if (this.card.signal.colours?.length) data = mixed(data, this.card.signal.colours, area);
    const [low, high] = this.card.signal.value_range;
    const [bottom, top] = this.card.signal.source_range;
    const rgba = new Uint8ClampedArray(4 * area).fill(255);
    for (let at = 0; at < area; at++) {
      for (let c = 0; c < 3; c++) {
        const value = data[(channels === 3 ? c : 0) * area + at];
        rgba[4 * at + c] = Math.round(((value - low) * (top - bottom)) / (high - low) + bottom);
      }
    }
    return new ImageData(rgba, width, height);
  }
}

function fetched(url) {
  return async (name) => {
    const answer = await fetch(new URL(name, url));
    if (!answer.ok) throw new Error(`${answer.url}: ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Channels m + Σ bₖ xₖ of principal colours, for each channel a row b₁ … b_C, m. */
const mixed = (x, colours, area) =>
  x.map((_, k) => {
    const row = colours[Math.floor(k / area)];
    return row.reduce((sum, b, j) => sum + b * (j < colours.length ? x[j * area + (k % area)] : 1), 0);
  });

const clamped = (data, [low, high]) => data.map((value) => Math.min(high, Math.max(low, value)));
