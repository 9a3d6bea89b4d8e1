// Terrain: the loss over the plane as heights and contours, the path across it, and what is on it.
const terrain = (() => {
  const FINER = 4; // points drawn for each step of the grid
  const CONTOURS = 14;
  const LABEL = 60; // pixels, about

  let hill; // about.hill
  let loss = null; // the grid, finer: loss[i][j], i counts b, j counts a
  let least, most;

  function start(about) {
    hill = about;
    loss = finer(hill.loss);
    const flat = loss.flat();
    [least, most] = [Math.min(...flat), Math.max(...flat)];
  }

  /** Fill in a grid by cubics through its points (Catmull and Rom 1974): rows, then columns. */
  function finer(rows) {
    const along = (line) => {
      const out = [];
      const last = line.length - 1;
      const at = (k) => (k < 0 ? 2 * line[0] - line[1] : k > last ? 2 * line[last] - line[last - 1] : line[k]);
      for (let k = 0; k < line.length - 1; k++) {
        const [p, q, r, s] = [at(k - 1), at(k), at(k + 1), at(k + 2)];
        for (let j = 0; j < FINER; j++) {
          const t = j / FINER;
          out.push(q + 0.5 * t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p))));
        }
      }
      return [...out, line.at(-1)];
    };
    const transposed = (grid) => grid[0].map((_, k) => grid.map((line) => line[k]));
    return transposed(transposed(rows.map(along)).map(along));
  }

  // ---- places --------------------------------------------------------------------------------------------------

  const ends = (values) => [values[0], values.at(-1)];
  const share = (value, [from, to]) => (value - from) / (to - from || 1);

  /** The place of (a, b) on the canvas: a to the right, b up. */
  function place([a, b], { width, height }) {
    return [share(a, ends(hill.a)) * width, (1 - share(b, ends(hill.b))) * height];
  }

  /** The (a, b) under a pointer. */
  function pointAt(event, canvas) {
    const box = canvas.getBoundingClientRect();
    const [[a0, a1], [b0, b1]] = [ends(hill.a), ends(hill.b)];
    return [
      a0 + ((event.clientX - box.left) / box.width) * (a1 - a0),
      b1 - ((event.clientY - box.top) / box.height) * (b1 - b0),
    ];
  }

  /** The nearest (a, b) inside the picture. */
  const inside = ([a, b]) => [shared.clamp(a, ...ends(hill.a)), shared.clamp(b, ...ends(hill.b))];
  const isInside = (at) => inside(at).every((value, k) => value === at[k]);

  /** What an arrow key moves by: [a, b]. */
  const unit = () => [hill.a, hill.b].map((values) => (values.at(-1) - values[0]) / 40);

  // ---- the picture ---------------------------------------------------------------------------------------------

  /** Draw the path with the place of a step, a ball's trail or null, and a pointer or null. */
  function draw(canvas, step, trail, pointer) {
    if (!loss) return;
    const { context, width, height } = paint.sharpContext(canvas);
    const size = { width, height };
    context.drawImage(groundFor(size), 0, 0, width, height);
    drawPath(context, size, step);
    if (trail) drawTrail(context, size, trail);
    if (pointer) drawPointer(context, size, pointer);
  }

  let ground = null; // heights and contours, which only another size or theme changes
  let groundOf = "";
  function groundFor(size) {
    const now = [size.width, size.height, window.devicePixelRatio, paint.color("low")].join();
    if (now !== groundOf) {
      ground = document.createElement("canvas");
      const { context } = paint.sharpContext(ground, size);
      drawHeat(context, size);
      drawContours(context, size);
      groundOf = now;
    }
    return ground;
  }

  /** How high a loss is drawn, 0 to 1: the root, for a valley is flat and its walls are steep. */
  const heightOf = (value) => Math.sqrt(Math.max(0, value - least) / (most - least || 1));

  function drawHeat(context, { width, height }) {
    const [low, high] = [paint.rgb("low"), paint.rgb("high")];
    const [rows, columns] = [loss.length, loss[0].length];
    const heat = document.createElement("canvas");
    paint.drawPixels(heat, rows, columns, (p) => {
      const row = rows - 1 - Math.floor(p / columns);
      return paint.mix(low, high, heightOf(loss[row][p % columns]));
    });
    context.imageSmoothingEnabled = true;
    context.drawImage(heat, 0, 0, width, height);
  }

  /** Lines of equal loss, by marching squares (Lorensen and Cline 1987, in two dimensions). */
  function drawContours(context, { width, height }) {
    const [rows, columns] = [loss.length - 1, loss[0].length - 1];
    context.strokeStyle = paint.color("ink", 0.28);
    context.lineWidth = 1;
    for (let k = 1; k < CONTOURS; k++) {
      const level = least + (most - least) * (k / CONTOURS) ** 2;
      context.beginPath();
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          if (!crosses(level, i, j)) continue;
          const crossings = crossingsOf(level, i, j).map(([up, right]) => [(right / columns) * width, (1 - up / rows) * height]);
          for (let end = 0; end + 1 < crossings.length; end += 2) {
            context.moveTo(...crossings[end]);
            context.lineTo(...crossings[end + 1]);
          }
        }
      }
      context.stroke();
    }
  }

  function crosses(level, i, j) {
    const below = loss[i][j] < level;
    return loss[i + 1][j] < level !== below || loss[i][j + 1] < level !== below || loss[i + 1][j + 1] < level !== below;
  }

  const EDGES = [[[0, 0], [1, 0]], [[1, 0], [1, 1]], [[1, 1], [0, 1]], [[0, 1], [0, 0]]];
  function crossingsOf(level, i, j) {
    const found = [];
    for (const [[i0, j0], [i1, j1]] of EDGES) {
      const [from, to] = [loss[i + i0][j + j0], loss[i + i1][j + j1]];
      if (from < level === to < level) continue;
      const t = (level - from) / (to - from);
      found.push([i + i0 + t * (i1 - i0), j + j0 + t * (j1 - j0)]);
    }
    return found;
  }

  function drawPath(context, size, step) {
    const { path, kept } = hill;
    const [ink, paper] = [paint.color("ink"), paint.color("paper")];
    const points = path.a.map((a, k) => place([a, path.b[k]], size));
    paint.line(context, points, paper, 5);
    paint.line(context, points, ink, 2);
    for (const point of points) paint.dot(context, point, 2.5, ink);
    // Words stand where the path does not come from.
    const isBelow = (k, neighbor) => points[neighbor][1] < points[k][1] - 1;
    const last = points.length - 1;
    label(context, points[0], "start", size, isBelow(0, 1));
    label(context, points[last], "end", size, isBelow(last, last - 1));
    paint.dot(context, points[0], 4, paper, ink);
    paint.dot(context, points[last], 4, ink, paper);
    if (kept) {
      label(context, place(kept, size), "kept", size, !isBelow(last, last - 1)); // it may be close to the end
      paint.dot(context, place(kept, size), 9, null, ink); // a ring, as on the curves
    }
    const now = shared.nearest(path.steps, step);
    if (now !== last) paint.dot(context, points[now], 6, ink, paper);
  }

  /** Write a word beside a point, below or above it. */
  function label(context, [x, y], text, { width, height }, isBelow) {
    const left = x > width - LABEL;
    const top = shared.clamp(y + (isBelow ? 18 : -8), 14, height - 6);
    paint.words(context, text, [x + (left ? -9 : 9), top], paint.color("ink"), left ? "right" : "left");
  }

  function drawTrail(context, size, trail) {
    const orange = paint.color("for");
    const points = trail.map((at) => place(at, size));
    paint.line(context, points, orange, 1.5);
    for (const point of points) paint.dot(context, point, 2, orange);
    paint.dot(context, points.at(-1), 7, orange, paint.color("paper"));
  }

  function drawPointer(context, size, pointer) {
    const [x, y] = place(pointer, size);
    paint.line(context, [[x - 7, y], [x + 7, y]], paint.color("ink"), 1);
    paint.line(context, [[x, y - 7], [x, y + 7]], paint.color("ink"), 1);
  }

  return { start, draw, pointAt, inside, isInside, unit, lowest: () => least, highest: () => most };
})();
