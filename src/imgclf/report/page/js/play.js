// Play: an image, what is done to it, and what it is called.
const play = (() => {
  const { $ } = shared;
  const { state } = address;
  const UNTOUCHED = { move: null, mirror: null, invert: null };
  const WAYS = { down: [1, 0], up: [-1, 0], right: [0, 1], left: [0, -1] };

  const changed = shared.signal(); // sent the view whenever it changes

  let data, image;
  let original; // (D,) pixels as they came, to which Reset goes back
  let base; // (D,) in units of stored pixels: before it is mirrored, inverted, moved
  let origin; // {kind: "val", k} of an embedded image, {kind: "drawing"} or {kind: "file", name}
  let edited = false; // rubbed out or drawn on: no address says how
  let view; // what is shown: {pixels, scores, order, origin, label, edited, shift}

  const shift = () => state.get("move", [0, 0]);

  function transformed() {
    let pixels = base;
    if (state.get("mirror")) pixels = moves.mirrored(pixels, image);
    if (state.get("invert")) pixels = moves.inverted(pixels, image);
    return moves.moved(pixels, image, ...shift());
  }

  const embedded = (k) => Float64Array.from(data.val.pixels.subarray(k * base.length, (k + 1) * base.length));
  const scoresOf = (pixels) => core.scores(core.preprocess(pixels, data), data.W, data.b);

  /** The value of pixel d that says nothing: that of the mean image, or none if evidence is counted by ink alone. */
  function neutral(d) {
    if (state.get("against") === "ink" || !data.mean || data.about.preprocess.norm) return 0;
    return data.mean[d] * data.about.preprocess.scale;
  }

  // ---- what the reader does ------------------------------------------------------------------------------------

  /** Show an image as it is. */
  function take(from, pixels) {
    [origin, original, base, edited] = [from, pixels, pixels, false];
    state.set({ image: from.kind === "val" ? data.val.index[from.k] : null, ...UNTOUCHED });
    refresh();
  }

  /** Show the embedded image at this position of its split. */
  function show(position) {
    const k = data.val.index.indexOf(position);
    if (k >= 0) take({ kind: "val", k }, embedded(k));
  }

  function next(by, wanted = () => true) {
    const count = data.val.y.length;
    let k = origin.kind === "val" ? origin.k : 0;
    for (let tried = 0; tried < count; tried++) {
      k = (k + by + count) % count;
      if (wanted(k)) return show(data.val.index[k]);
    }
    return complain("There is no mistake among the images of this page.");
  }

  const isMistake = (k) => core.best(scoresOf(embedded(k))) !== data.val.y[k];

  function move([down, right]) {
    const [wasDown, wasRight] = shift();
    const limited = (to, size) => shared.clamp(to, 1 - size, size - 1);
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

  /** Draw on pixels, given with how much of them is covered, in an ink: a value for each channel. */
  function draw(covered, ink) {
    edit((values) => {
      for (const [pixel, cover] of covered) {
        ink.forEach((value, k) => { values[pixel * image.channels + k] += cover * (value - values[pixel * image.channels + k]); });
      }
    });
  }

  function blank() {
    shared.choose("tool", "draw");
    take({ kind: "drawing" }, new Float64Array(base.length));
  }

  const reset = () => take(origin, original);

  // ---- what is seen --------------------------------------------------------------------------------------------

  function refresh() {
    const pixels = transformed();
    const scores = scoresOf(pixels);
    const label = origin.kind === "val" ? data.val.y[origin.k] : null;
    view = { pixels, scores, order: shared.ranking(scores), origin, label, edited, shift: shift() };
    paint.drawImage($("play-canvas"), pixels, image);
    brush.show();
    bars.fill(view);
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
    return `${shared.sentenceCase(nameOf(origin))}${changes()}: called ${names[first]}, ${lead} ahead of ${names[second]}.`;
  }

  function nameOf({ kind, k, name }) {
    if (kind === "drawing") return "your drawing";
    if (kind === "file") return `the file ${name} (approximate)`;
    return `image ${data.val.index[k]} of ${data.about.result.split} (in truth ${data.about.labels[data.val.y[k]]})`;
  }

  function changes() {
    const [down, right] = shift();
    const words = [];
    if (edited) words.push("changed by hand");
    if (state.get("mirror")) words.push("mirrored");
    if (state.get("invert")) words.push("inverted");
    if (down) words.push(`moved ${Math.abs(down)} ${down > 0 ? "down" : "up"}`);
    if (right) words.push(`moved ${Math.abs(right)} ${right > 0 ? "right" : "left"}`);
    return words.length ? `, ${words.join(", ")}` : "";
  }

  /** Say what cannot be done. */
  function complain(text) {
    $("play-seen").textContent = text;
    shared.say(text);
  }

  /** The largest score of a hundred images. */
  function largestScore() {
    const count = Math.min(data.val.y.length, 100, Math.ceil(2e7 / data.W.length));
    let largest = 0;
    for (let k = 0; k < count; k++) for (const score of scoresOf(embedded(k))) largest = Math.max(largest, Math.abs(score));
    return largest;
  }

  // ---- start ---------------------------------------------------------------------------------------------------

  function start(loaded) {
    data = loaded;
    ({ image } = data.about);
    base = new Float64Array(image.height * image.width * image.channels);
    bars.start(data, largestScore());
    brush.start(data);
    files.start(data);
    for (const [way, change] of Object.entries(WAYS)) $(`play-${way}`).addEventListener("click", () => move(change));
    for (const name of ["mirror", "invert"]) {
      $(`play-${name}`).addEventListener("click", () => state.set({ [name]: state.get(name) ? null : true }));
    }
    $("play-next").addEventListener("click", () => next(1));
    $("play-previous").addEventListener("click", () => next(-1));
    $("play-mistake").addEventListener("click", () => next(1, isMistake));
    $("play-blank").addEventListener("click", blank);
    $("play-reset").addEventListener("click", reset);

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
    [origin, original, edited] = [{ kind: "val", k }, embedded(k), false];
    base = original;
    refresh();
  }

  return { start, take, show, reset, move, rubOut, draw, complain, embedded, scoresOf, nameOf, watch: changed.watch, view: () => view };
})();
