// The mathematics of the page: scores, losses, gradients, optimizers. Free of the DOM.
// Everything is computed in float64. W is (D, C), row-major: W[d * C + c].
const core = (() => {
  const MARGIN = 1;

  // s = x @ W + b: x (D), W (D * C), b (C).
  function scores(x, W, b) {
    const C = b.length, s = new Float64Array(C);
    for (let d = 0, at = 0; d < x.length; d++) {
      const value = x[d];
      if (value === 0) { at += C; continue; }
      for (let c = 0; c < C; c++) s[c] += value * W[at++];
    }
    for (let c = 0; c < C; c++) s[c] += b[c];
    return s;
  }

  // The first of the largest numbers, as argmax in NumPy.
  function best(s) {
    let at = 0;
    for (let c = 1; c < s.length; c++) if (s[c] > s[at]) at = c;
    return at;
  }

  function softmax(s) {
    const largest = Math.max(...s), p = Float64Array.from(s, v => Math.exp(v - largest));
    let sum = 0;
    for (const v of p) sum += v;
    return p.map(v => v / sum);
  }

  // x = (pixels / scale - mean) / std; with norm, pixels / |pixels| instead of pixels / scale.
  function preprocess(pixels, data) {
    const { scale, norm } = data.about.preprocess, { mean, std } = data;
    let divisor = scale;
    if (norm) {
      let squares = 0;
      for (const v of pixels) squares += v * v;
      divisor = Math.sqrt(squares) || 1;
    }
    const x = new Float64Array(pixels.length);
    for (let d = 0; d < x.length; d++) {
      x[d] = pixels[d] / divisor;
      if (mean) x[d] -= mean[d];
      if (std) x[d] /= std[d];
    }
    return x;
  }

  return { scores, best, softmax, preprocess, MARGIN };
})();
if (typeof module !== "undefined") module.exports = core;
