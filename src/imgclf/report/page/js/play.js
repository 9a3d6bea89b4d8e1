// Play: an image, what is done to it, and the scores of all classes.
const play = (() => {
  const { $, element, state } = shared;

  const MOST_ROWS = 12; // with more classes, those with the highest scores
  const changed = shared.signal(); // sent the view whenever it changes

  let data, image, W, b;
  let base; // (D,) in units of stored pixels: before it is mirrored, inverted, moved
  let origin; // {kind: "val", k} of an embedded image, {kind: "drawing"} or {kind: "file", name}
  let edited = false; // rubbed out or drawn on: no address says how
  let view; // what is shown: {pixels, scores, order, origin, label, edited}
  let brush = [0, 0]; // row, column
  let largestScore = 1;

  // ---- the image -----------------------------------------------------------------------------------------------

  /** Move an image down and right; border pixels are repeated where others moved away, as `augment.shift` does. */
  function moved(pixels, { height, width, channels }, down, right) {
    const within = (at, size) => Math.max(0, Math.min(size - 1, at));
    return rearranged(pixels, { height, width, channels }, (row, column) =>
      within(row - down, height) * width + within(column - right, width));
  }

  const mirrored = (pixels, shape) =>
    rearranged(pixels, shape, (row, column) => row * shape.width + shape.width - 1 - column);

  const inverted = (pixels) => pixels.map((value) => 255 - value);

  /** The image whose pixel (row, column) is that number `source(row, column)` of the given one. */
  function rearranged(pixels, { height, width, channels }, source) {
    const result = new Float64Array(pixels.length);
    for (let row = 0, at = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const from = source(row, column) * channels;
        for (let k = 0; k < channels; k++) result[at++] = pixels[from + k];
      }
    }
    return result;
  }

  function transformed() {
    let pixels = base;
    if (state.get("mirror")) pixels = mirrored(pixels, image);
    if (state.get("invert")) pixels = inverted(pixels);
    const [down, right] = state.get("move", [0, 0]);
    return down || right ? moved(pixels, image, down, right) : pixels;
  }

  const embedded = (k) => Float64Array.from(data.val.pixels.subarray(k * base.length, (k + 1) * base.length));
  const scoresOf = (pixels) => core.scores(core.preprocess(pixels, data), W, b);

  /** The value of pixel d that says nothing: that of the mean image, or none if evidence is counted by ink alone. */
  function neutral(d) {
    if (state.get("against") === "ink" || !data.mean || data.about.preprocess.norm) return 0;
    return data.mean[d] * data.about.preprocess.scale;
  }

  // ---- what the reader does ------------------------------------------------------------------------------------

  const UNTOUCHED = { move: null, mirror: null, invert: null };

  /** Show the embedded image at this position of its split. */
  function show(position) {
    const k = data.val.index.indexOf(position);
    if (k < 0) return;
    take({ kind: "val", k }, embedded(k));
    state.set({ image: position, ...UNTOUCHED });
    refresh();
  }

  function take(from, pixels) {
    origin = from;
    base = pixels;
    edited = false;
  }

  function next(by, wanted = () => true) {
    const count = data.val.y.length;
    let k = origin.kind === "val" ? origin.k : 0;
    for (let tried = 0; tried < count; tried++) {
      k = (k + by + count) % count;
      if (wanted(k)) return show(data.val.index[k]);
    }
    return undefined;
  }

  const isMistake = (k) => core.best(scoresOf(embedded(k))) !== data.val.y[k];

  function move([down, right]) {
    const [wasDown, wasRight] = state.get("move", [0, 0]);
    const limited = (to, size) => Math.max(1 - size, Math.min(size - 1, to));
    const to = [limited(wasDown + down, image.height), limited(wasRight + right, image.width)];
    state.set({ move: to[0] || to[1] ? to : null });
  }

  /** Change pixels of what is shown: it becomes the image that is moved, mirrored, inverted from now on. */
  function edit(change) {
    base = view.pixels.slice();
    edited = true;
    change(base);
    state.set(UNTOUCHED);
    refresh();
  }

  function rubOut(pixels) {
    edit((values) => {
      for (const pixel of pixels) {
        for (let d = pixel * image.channels; d < (pixel + 1) * image.channels; d++) values[d] = neutral(d);
      }
    });
  }

  /** The pixels under the brush, with how much it covers them. */
  function underBrush(row, column) {
    const radius = Math.max(1, image.height / 22);
    const found = [];
    for (let r = Math.ceil(row - radius); r <= row + radius; r++) {
      for (let c = Math.ceil(column - radius); c <= column + radius; c++) {
        if (r < 0 || c < 0 || r >= image.height || c >= image.width) continue;
        const cover = Math.min(1, radius + 0.5 - Math.hypot(r - row, c - column));
        if (cover > 0) found.push([r * image.width + c, cover]);
      }
    }
    return found;
  }

  function applyBrush() {
    const under = underBrush(...brush);
    if (shared.chosen("tool") === "rub") return rubOut(under.map(([pixel]) => pixel));
    const ink = image.channels === 3 ? hexToBytes($("play-ink").value) : [255];
    return edit((values) => {
      for (const [pixel, cover] of under) {
        ink.forEach((value, k) => { values[pixel * image.channels + k] += cover * (value - values[pixel * image.channels + k]); });
      }
    });
  }

  const hexToBytes = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

  function startDrawing() {
    take({ kind: "drawing" }, new Float64Array(base.length));
    state.set({ image: null, ...UNTOUCHED });
    shared.choose("tool", "draw");
    refresh();
  }

  /** Read an image file with the size and color of the data. Browsers resize in their own way: approximate. */
  async function open(file) {
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      $("play-seen").textContent = "The browser cannot read that file as an image.";
      return;
    }
    const { height, width, channels } = image;
    const canvas = element("canvas", { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    const [left, top, w, h] = placeFor(data.about.preprocess.resize, bitmap, width, height);
    context.drawImage(bitmap, left, top, w, h);
    const rgba = context.getImageData(0, 0, width, height).data;
    const pixels = new Float64Array(base.length);
    for (let p = 0; p < height * width; p++) {
      const [red, green, blue] = rgba.subarray(4 * p, 4 * p + 3);
      if (channels === 3) pixels.set([red, green, blue], 3 * p);
      else pixels[p] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue); // ITU-R 601, as Pillow's "L"
    }
    take({ kind: "file", name: file.name }, pixels);
    state.set({ image: null, ...UNTOUCHED });
    refresh();
  }

  /** Where a bitmap goes on the canvas: squashed, cropped to the middle, or padded. */
  function placeFor(resize, bitmap, width, height) {
    if (resize !== "crop" && resize !== "pad") return [0, 0, width, height];
    const ratios = [width / bitmap.width, height / bitmap.height];
    const ratio = resize === "crop" ? Math.max(...ratios) : Math.min(...ratios);
    const [w, h] = [bitmap.width * ratio, bitmap.height * ratio];
    return [(width - w) / 2, (height - h) / 2, w, h];
  }

  // ---- what is seen --------------------------------------------------------------------------------------------

  function refresh() {
    const pixels = transformed();
    const scores = scoresOf(pixels);
    view = {
      pixels, scores, order: shared.ranking(scores), origin, edited,
      label: origin.kind === "val" ? data.val.y[origin.k] : null,
    };
    shared.drawImage($("play-canvas"), pixels, image);
    drawBrush();
    fillBars();
    const text = describe();
    $("play-seen").textContent = text;
    $("play-canvas").setAttribute("aria-label", text);
    $("play-approximate").hidden = origin.kind !== "file";
    $("play-mirror").setAttribute("aria-pressed", Boolean(state.get("mirror")));
    $("play-invert").setAttribute("aria-pressed", Boolean(state.get("invert")));
    shared.say(text);
    changed.send(view);
  }

  function describe() {
    const names = data.about.labels;
    const [first, second] = view.order;
    const lead = shared.fixed(view.scores[first] - view.scores[second]);
    return `${sentenceCase(nameOf(origin))}${changes()}: called ${names[first]}, ${lead} ahead of ${names[second]}.`;
  }

  const sentenceCase = (text) => text[0].toUpperCase() + text.slice(1);

  function nameOf({ kind, k, name }) {
    if (kind === "drawing") return "your drawing";
    if (kind === "file") return `the file ${name} (approximate)`;
    return `image ${data.val.index[k]} of ${data.about.result?.split ?? "val"} (in truth ${data.about.labels[data.val.y[k]]})`;
  }

  function changes() {
    const [down, right] = state.get("move", [0, 0]);
    const words = [];
    if (edited) words.push("changed by hand");
    if (state.get("mirror")) words.push("mirrored");
    if (state.get("invert")) words.push("inverted");
    if (down) words.push(`moved ${Math.abs(down)} ${down > 0 ? "down" : "up"}`);
    if (right) words.push(`moved ${Math.abs(right)} ${right > 0 ? "right" : "left"}`);
    return words.length ? `, ${words.join(", ")}` : "";
  }

  function drawBrush() {
    const frame = $("play-frame");
    frame.hidden = shared.chosen("tool") === "move";
    shared.placeFrame(frame, image, ...brush);
  }

  let rows = [];
  function makeRows() {
    const count = Math.min(data.about.classes.length, MOST_ROWS);
    const likely = data.about.loss === "softmax"; // the scores of other losses stand for no probabilities
    $("play-likely").hidden = !likely;
    rows = Array.from({ length: count }, () => {
      const row = {
        name: element("span", { className: "name" }), note: element("span", { className: "note" }),
        bar: element("span", { className: "fill" }), score: element("td", { className: "number" }),
        likely: element("td", { className: "number", hidden: !likely }),
      };
      row.line = element("tr", {},
        element("th", { scope: "row" }, element("span", { className: "class" }, row.name, row.note)),
        element("td", { className: "bar-cell" }, element("span", { className: "bar signed" }, row.bar)),
        row.score, row.likely);
      return row;
    });
    $("play-bars").append(...rows.map((row) => row.line));
    const hidden = data.about.classes.length - count;
    $("play-more").textContent = hidden ? `The ${count} highest of ${data.about.classes.length} classes.` : "";
  }

  function fillBars() {
    const { scores, order, label } = view;
    const probabilities = core.softmax(scores);
    // All classes stay where they are; only of many, those that lead are shown.
    const shown = rows.length < scores.length ? order.slice(0, rows.length) : rows.map((_, c) => c);
    shown.forEach((c, at) => {
      const row = rows[at];
      row.name.textContent = data.about.labels[c];
      row.note.textContent = [c === order[0] ? "called" : "", c === label ? "true" : ""].filter(Boolean).join(", ");
      row.line.classList.toggle("first", c === order[0]);
      row.bar.classList.toggle("below", scores[c] < 0);
      const end = Math.max(-1, Math.min(1, scores[c] / largestScore));
      shared.placeBar(row.bar, 0.5, 0.5 + end / 2);
      row.score.textContent = shared.fixed(scores[c]);
      row.likely.textContent = shared.percent(probabilities[c]);
    });
  }

  /** One scale for all images, so that bars can be compared: the largest score of a hundred of them. */
  function findLargestScore() {
    const count = Math.min(data.val.y.length, 100, Math.ceil(2e7 / W.length));
    let largest = 0;
    for (let k = 0; k < count; k++) for (const score of scoresOf(embedded(k))) largest = Math.max(largest, Math.abs(score));
    return largest || 1;
  }

  // ---- Question 1: how far until it is called something else? --------------------------------------------------

  const WAYS = [["down", [1, 0]], ["up", [-1, 0]], ["right", [0, 1]], ["left", [0, -1]]];
  let example = null; // {k, way, step, pixels, from, to}

  /** Find the image that was recognized most clearly, and a few pixels further is called something else. */
  function findExample() {
    const most = Math.max(2, Math.round(image.height / 7));
    const budget = Math.min(data.val.y.length, Math.max(8, Math.floor(3e7 / (WAYS.length * most * W.length))));
    let clearest = 0;
    for (let k = 0; k < budget; k++) {
      const pixels = embedded(k);
      const scores = scoresOf(pixels);
      const [first, second] = shared.ranking(scores);
      if (first !== data.val.y[k] || scores[first] - scores[second] <= clearest) continue;
      for (const [way, [down, right]] of WAYS) {
        const to = (by) => core.best(scoresOf(moved(pixels, image, by * down, by * right)));
        // The last is tried first: most images never change, and then one try has to do.
        if (to(most) === first) continue;
        let by = 1;
        while (to(by) === first) by++;
        example = { k, way, step: [down, right], pixels: by, from: first, to: to(by) };
        clearest = scores[first] - scores[second];
        break;
      }
    }
  }

  function askQuestion1() {
    findExample();
    if (!example) {
      $("q1-text").textContent = "Move some images: none of those looked through changes its name within a few pixels. Which does?";
      for (const part of $("q1").querySelectorAll(".controls, .answer")) part.hidden = true;
      return;
    }
    const names = data.about.labels;
    $("q1-text").textContent =
      `Take ${nameOf({ kind: "val", k: example.k })}, and move it ${example.way}, pixel by pixel. ` +
      "What will it be called instead, and how soon? Predict, then do it.";
    const question = shared.question("q1");
    $("q1-take").addEventListener("click", () => {
      show(data.val.index[example.k]);
      shared.choose("tool", "move");
      drawBrush();
      $("play-canvas").focus();
    });
    changed.watch(() => {
      const [down, right] = state.get("move", [0, 0]);
      const by = down * example.step[0] + right * example.step[1];
      if (origin.kind !== "val" || origin.k !== example.k || edited || by < example.pixels || question.isOpen()) return;
      const guess = $("q1-guess").value;
      question.reveal(
        `${shared.plural(example.pixels, "pixel")} ${example.way}, ${names[example.from]} becomes ${names[example.to]}.` +
        (guess === "" ? "" : ` You said ${names[guess]}.`) +
        " A template sits at one place: it cannot follow what moves. That is why convolution was invented.");
    });
  }

  // ---- start ---------------------------------------------------------------------------------------------------

  function start(loaded) {
    data = loaded;
    ({ image } = data.about);
    ({ W, b } = data);
    base = new Float64Array(image.height * image.width * image.channels);
    largestScore = findLargestScore();
    makeRows();
    for (const [c, name] of data.about.labels.entries()) $("q1-guess").append(element("option", { value: c, textContent: name }));

    const canvas = $("play-canvas");
    const act = (change) => (shared.chosen("tool") === "move" ? move(change) : moveBrush(change));
    shared.onArrows(canvas, act);
    canvas.addEventListener("keydown", (event) => {
      if (event.key !== " " || shared.chosen("tool") === "move") return;
      event.preventDefault();
      applyBrush();
    });
    for (const [way, change] of WAYS) $(`play-${way}`).addEventListener("click", () => move(change));
    $("play-mirror").addEventListener("click", () => state.set({ mirror: state.get("mirror") ? null : true }));
    $("play-invert").addEventListener("click", () => state.set({ invert: state.get("invert") ? null : true }));
    $("play-next").addEventListener("click", () => next(1));
    $("play-previous").addEventListener("click", () => next(-1));
    $("play-mistake").addEventListener("click", () => next(1, isMistake));
    $("play-blank").addEventListener("click", startDrawing);
    $("play-reset").addEventListener("click", reset);
    $("play-file").addEventListener("change", (event) => event.target.files[0] && open(event.target.files[0]));
    shared.onChoice("tool", drawBrush);
    listenToPointer(canvas);
    listenToDrops($("play-drop"));

    state.watch(["move", "mirror", "invert"], refresh);
    state.watch(["image"], () => {
      const position = state.get("image");
      if (position !== undefined && (origin.kind !== "val" || data.val.index[origin.k] !== position)) restore();
    });
    restore();
  }

  /** Show what the address asks for, or the first image. */
  function restore() {
    const k = Math.max(0, data.val.index.indexOf(state.get("image", -1)));
    take({ kind: "val", k }, embedded(k));
    refresh();
  }

  function reset() {
    if (origin.kind === "val") show(data.val.index[origin.k]);
    else startDrawing();
  }

  function moveBrush([down, right]) {
    const within = (at, size) => Math.max(0, Math.min(size - 1, at));
    brush = [within(brush[0] + down, image.height), within(brush[1] + right, image.width)];
    drawBrush();
    shared.say(`row ${brush[0] + 1}, column ${brush[1] + 1}`);
  }

  function listenToPointer(canvas) {
    let from = null; // where a drag began, or null
    const follow = (event) => {
      const at = shared.pixelAt(event, canvas, image);
      if (shared.chosen("tool") === "move") {
        if (from) move([at[0] - from[0], at[1] - from[1]]);
        from = at;
        return;
      }
      brush = at;
      applyBrush();
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      from = null;
      follow(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) follow(event);
    });
  }

  function listenToDrops(box) {
    box.addEventListener("dragover", (event) => {
      event.preventDefault(); // or the browser would open the file instead of the page
      box.classList.add("over");
    });
    box.addEventListener("dragleave", () => box.classList.remove("over"));
    box.addEventListener("drop", (event) => {
      event.preventDefault();
      box.classList.remove("over");
      if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
    });
  }

  return { start, askQuestion1, show, reset, rubOut, neutral, watch: changed.watch, view: () => view, example: () => example };
})();
