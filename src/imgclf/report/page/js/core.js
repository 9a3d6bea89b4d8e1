// The mathematics of the page: scores, losses, gradients, optimizers, the hill. Free of the DOM, all in float64.
//
//   x  (D)      an example, preprocessed      W  (D * C)  row by row: W[d * C + c]
//   X  (n * D)  examples, one after the other b  (C)      s  (C)  scores
const core = (() => {
  const MARGIN = 1;

  // s = x @ W + b
  function scores(x, W, b) {
    const C = b.length, s = new Float64Array(C);
    for (let d = 0; d < x.length; d++) {
      const value = x[d];
      if (value !== 0) for (let c = 0, at = d * C; c < C; c++) s[c] += value * W[at + c];
    }
    for (let c = 0; c < C; c++) s[c] += b[c];
    return s;
  }

  // The first of the largest numbers.
  function best(s) {
    let at = 0;
    for (let c = 1; c < s.length; c++) if (s[c] > s[at]) at = c;
    return at;
  }

  // x = (pixels / scale - mean) / std; with a norm, pixels / |pixels| instead of pixels / scale.
  function preprocess(pixels, { about, mean, std }) {
    const divisor = about.preprocess.norm ? length(pixels) || 1 : about.preprocess.scale;
    const x = new Float64Array(pixels.length);
    for (let d = 0; d < x.length; d++) {
      const centered = pixels[d] / divisor - (mean ? mean[d] : 0);
      x[d] = std ? centered / std[d] : centered;
    }
    return x;
  }

  // X of many examples: pixels (n * D).
  function preprocessAll(pixels, data, D) {
    const X = new Float64Array(pixels.length);
    for (let at = 0; at < X.length; at += D) X.set(preprocess(pixels.subarray(at, at + D), data), at);
    return X;
  }

  // W and b for which the scores of pixels / scale, not centered, are the same: W / std, and b - sum(W * mean / std).
  function byInk({ W, b, mean, std }) {
    const C = b.length, ink = { W: Float64Array.from(W), b: Float64Array.from(b) };
    for (let at = 0; at < W.length; at++) {
      const d = Math.floor(at / C);
      if (std) ink.W[at] /= std[d];
      if (mean) ink.b[at % C] -= ink.W[at] * mean[d];
    }
    return ink;
  }

  function length(values) {
    let squares = 0;
    for (const value of values) squares += value * value;
    return Math.sqrt(squares);
  }

  // Losses: (scores, y) -> {loss, dscores}, of one example. At the kink of a hinge, the slope is that of its flat side.

  // p_j = exp(s_j) / sum_k exp(s_k); the largest score is subtracted first, or exp would overflow.
  function softmax(s) {
    const largest = s[best(s)], p = Float64Array.from(s, value => Math.exp(value - largest));
    const sum = p.reduce((a, b) => a + b, 0);
    return p.map(value => value / sum);
  }

  // -log p_y; the derivative by s_j is p_j, minus 1 at the right class.
  function crossEntropy(s, y) {
    const largest = s[best(s)];
    let sum = 0;
    for (const value of s) sum += Math.exp(value - largest);
    const dscores = softmax(s);
    dscores[y] -= 1;
    return { loss: Math.log(sum) - (s[y] - largest), dscores };
  }

  // sum_{j != y} max(0, s_j - s_y + 1), or of its squares.
  function hinge(s, y, power) {
    const dscores = new Float64Array(s.length);
    let loss = 0, slopes = 0;
    for (let j = 0; j < s.length; j++) {
      const margin = s[j] - s[y] + MARGIN;
      if (j === y || margin <= 0) continue;
      loss += power === 1 ? margin : margin * margin;
      slopes += dscores[j] = power === 1 ? 1 : 2 * margin;
    }
    dscores[y] = -slopes;
    return { loss, dscores };
  }

  // max(0, max_{j != y} s_j - s_y + 1): the worst rival alone, the first if they tie.
  function hingeOfWorst(s, y) {
    const dscores = new Float64Array(s.length);
    const rival = best(s.map((value, j) => j === y ? -Infinity : value));
    const loss = Math.max(0, s[rival] - s[y] + MARGIN);
    if (loss > 0) [dscores[rival], dscores[y]] = [1, -1];
    return { loss, dscores };
  }

  // sum_j log(1 + exp(-z_j s_j)), z = +1 for y, else -1.
  function oneVsRest(s, y) {
    const dscores = new Float64Array(s.length);
    let loss = 0;
    for (let j = 0; j < s.length; j++) {
      const z = j === y ? 1 : -1;
      loss += logOnePlusExp(-z * s[j]);
      dscores[j] = -z * Math.exp(-logOnePlusExp(z * s[j]));
    }
    return { loss, dscores };
  }

  // log(1 + exp(t)) without overflow.
  function logOnePlusExp(t) {
    return Math.max(0, t) + Math.log1p(Math.exp(-Math.abs(t)));
  }

  const LOSSES = {
    softmax: crossEntropy,
    svm: (s, y) => hinge(s, y, 1),
    svm_squared: (s, y) => hinge(s, y, 2),
    svm_cs: hingeOfWorst,
    logistic_ovr: oneVsRest,
  };

  // Mean data loss + l2/2 * sum(W**2) + l1 * sum(|W|), its gradient, and the share of right answers.
  function objective(X, y, W, b, { loss, l2 = 0, l1 = 0, classWeights = null }) {
    const C = b.length, D = W.length / C, n = y.length;
    const dW = new Float64Array(W.length), db = new Float64Array(C);
    let data = 0, right = 0;
    for (let i = 0; i < n; i++) {
      const x = X.subarray(i * D, (i + 1) * D), s = scores(x, W, b);
      const seen = LOSSES[loss](s, y[i]), weight = classWeights ? classWeights[y[i]] : 1;
      data += weight * seen.loss;
      right += best(s) === y[i];
      const g = seen.dscores.map(value => weight * value);
      for (let d = 0; d < D; d++) {
        const value = x[d];
        if (value !== 0) for (let c = 0, at = d * C; c < C; c++) dW[at + c] += value * g[c];
      }
      for (let c = 0; c < C; c++) db[c] += g[c];
    }
    let squares = 0, lengths = 0;
    for (let at = 0; at < W.length; at++) {
      dW[at] = dW[at] / n + l2 * W[at] + l1 * Math.sign(W[at]);
      squares += W[at] * W[at];
      lengths += Math.abs(W[at]);
    }
    for (let c = 0; c < C; c++) db[c] /= n;
    const penalty = l2 / 2 * squares + l1 * lengths;
    return { loss: data / n + penalty, data: data / n, penalty, accuracy: right / n, dW, db };
  }

  // Optimizers: options -> {init, direction}. `init(n)` is the state for n weights, which `direction` changes.
  const OPTIMIZERS = {
    sgd: () => ({ init: () => ({}), direction: grad => Float64Array.from(grad) }),
    momentum: ({ momentum = 0.9 } = {}) => ({
      init: n => ({ velocity: new Float64Array(n) }),
      direction(grad, state) {
        state.velocity = state.velocity.map((v, i) => momentum * v + grad[i]);
        return state.velocity.slice();
      },
    }),
    nesterov: ({ momentum = 0.9 } = {}) => ({
      init: n => ({ velocity: new Float64Array(n) }),
      direction(grad, state) {
        state.velocity = state.velocity.map((v, i) => momentum * v + grad[i]);
        return state.velocity.map((v, i) => grad[i] + momentum * v);
      },
    }),
    adagrad: ({ epsilon = 1e-8 } = {}) => ({
      init: n => ({ squares: new Float64Array(n) }),
      direction(grad, state) {
        state.squares = state.squares.map((s, i) => s + grad[i] ** 2);
        return state.squares.map((s, i) => grad[i] / (Math.sqrt(s) + epsilon));
      },
    }),
    rmsprop: ({ decay = 0.9, epsilon = 1e-8 } = {}) => ({
      init: n => ({ squares: new Float64Array(n) }),
      direction(grad, state) {
        state.squares = state.squares.map((s, i) => decay * s + (1 - decay) * grad[i] ** 2);
        return state.squares.map((s, i) => grad[i] / (Math.sqrt(s) + epsilon));
      },
    }),
    adam: ({ beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = {}) => ({
      init: n => ({ mean: new Float64Array(n), squares: new Float64Array(n), step: 0 }),
      direction(grad, state) {
        state.mean = state.mean.map((m, i) => beta1 * m + (1 - beta1) * grad[i]);
        state.squares = state.squares.map((s, i) => beta2 * s + (1 - beta2) * grad[i] ** 2);
        state.step += 1;
        // Both start at 0, so they are too small at first.
        const short1 = 1 - beta1 ** state.step, short2 = 1 - beta2 ** state.step;
        return state.mean.map((m, i) => m / short1 / (Math.sqrt(state.squares[i] / short2) + epsilon));
      },
    }),
  };

  // The loss and its slopes on the plane of weights start + a * first + b * second. Scores are linear there:
  // `scores` holds those of the start, and what they grow by along either axis, (n * C) each.
  function surface({ scores, y, loss, l2, l1, classWeights, products, axes }, a, b) {
    const [start, first, second] = scores, n = y.length, C = start.length / n;
    const s = new Float64Array(C), grad = [0, 0];
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const at = i * C, weight = classWeights ? classWeights[y[i]] : 1;
      for (let c = 0; c < C; c++) s[c] = start[at + c] + a * first[at + c] + b * second[at + c];
      const seen = LOSSES[loss](s, y[i]);
      sum += weight * seen.loss;
      for (let c = 0; c < C; c++) {
        grad[0] += weight * seen.dscores[c] * first[at + c];
        grad[1] += weight * seen.dscores[c] * second[at + c];
      }
    }
    // sum(W**2) from the inner products of start, first and second.
    const [p, q] = [1, 2].map(k => products[0][k] + a * products[1][k] + b * products[2][k]);
    const squares = products[0][0] + a * (products[0][1] + p) + b * (products[0][2] + q);
    let lengths = 0, slopeA = 0, slopeB = 0;
    if (l1) for (let i = 0; i < axes[0].length; i++) {
      const w = axes[0][i] + a * axes[1][i] + b * axes[2][i];
      lengths += Math.abs(w);
      slopeA += Math.sign(w) * axes[1][i];
      slopeB += Math.sign(w) * axes[2][i];
    }
    return {
      loss: sum / n + l2 / 2 * squares + l1 * lengths,
      grad: [grad[0] / n + l2 * p + l1 * slopeA, grad[1] / n + l2 * q + l1 * slopeB],
    };
  }

  // What speaks for class c: a term W[d, c] * x[d] for each number, the sum of those above and below 0, the bias.
  function evidence(x, W, b, c) {
    const C = b.length;
    return sumUp(Float64Array.from(x, (value, d) => value * W[d * C + c]), b[c]);
  }

  // What speaks for class c rather than `other`: the same of the difference of their scores.
  function difference(x, W, b, c, other) {
    const C = b.length;
    return sumUp(Float64Array.from(x, (value, d) => value * (W[d * C + c] - W[d * C + other])), b[c] - b[other]);
  }

  function sumUp(terms, bias) {
    let above = 0, below = 0;
    for (const term of terms) if (term > 0) above += term; else below += term;
    return { terms, for: above, against: below, bias, score: above + below + bias };
  }

  return {
    MARGIN, LOSSES, OPTIMIZERS, scores, best, softmax, preprocess, preprocessAll, byInk, objective, surface, evidence,
    difference,
  };
})();
if (typeof module !== "undefined") module.exports = core;
