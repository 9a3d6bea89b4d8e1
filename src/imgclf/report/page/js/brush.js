// The brush: what the pointer and the keys do to the image in Play: move it, rub parts of it out, draw.
const brush = (() => {
  const { $ } = shared;

  let image;
  let at = [0, 0]; // row, column

  /** The pixels under the brush, with how much it covers them. */
  function covered([row, column]) {
    const radius = Math.max(1, image.height / 22);
    const found = [];
    for (let r = Math.max(0, Math.ceil(row - radius)); r <= Math.min(image.height - 1, row + radius); r++) {
      for (let c = Math.max(0, Math.ceil(column - radius)); c <= Math.min(image.width - 1, column + radius); c++) {
        const cover = Math.min(1, radius + 0.5 - Math.hypot(r - row, c - column));
        if (cover > 0) found.push([r * image.width + c, cover]);
      }
    }
    return found;
  }

  /** Use the brush at some places. */
  function use(places) {
    const under = places.flatMap(covered);
    if (shared.chosen("tool") === "rub") play.rubOut(under.map(([pixel]) => pixel));
    else play.draw(under, ink());
  }

  const ink = () => (image.channels === 3 ? hexToBytes($("play-ink").value) : [255]).map((byte) => (byte * image.white) / 255);
  const hexToBytes = (hex) => [1, 3, 5].map((from) => parseInt(hex.slice(from, from + 2), 16));

  /** The places on the way from one to another: a fast pointer skips pixels. */
  function between([row, column], [toRow, toColumn]) {
    const steps = Math.max(Math.abs(toRow - row), Math.abs(toColumn - column));
    return Array.from({ length: steps }, (_, k) => {
      const share = (k + 1) / steps;
      return [row + share * (toRow - row), column + share * (toColumn - column)];
    });
  }

  function show() {
    $("play-frame").hidden = shared.chosen("tool") === "move";
    paint.placeFrame($("play-frame"), image, at);
  }

  function step([down, right]) {
    at = [shared.clamp(at[0] + down, 0, image.height - 1), shared.clamp(at[1] + right, 0, image.width - 1)];
    show();
    shared.say(`row ${at[0] + 1}, column ${at[1] + 1}`);
  }

  function listenToPointer(canvas) {
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      at = paint.pixelAt(event, canvas, image);
      if (shared.chosen("tool") !== "move") use([at]);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!canvas.hasPointerCapture(event.pointerId)) return;
      const from = at;
      at = paint.pixelAt(event, canvas, image);
      if (at.join() === from.join()) return;
      if (shared.chosen("tool") === "move") play.move([at[0] - from[0], at[1] - from[1]]);
      else use(between(from, at));
    });
  }

  function listenToKeys(canvas) {
    shared.onArrows(canvas, (change) => (shared.chosen("tool") === "move" ? play.move(change) : step(change)));
    canvas.addEventListener("keydown", (event) => {
      if (event.key !== " " || shared.chosen("tool") === "move") return;
      event.preventDefault();
      use([at]);
    });
  }

  function start(data) {
    ({ image } = data.about);
    listenToPointer($("play-canvas"));
    listenToKeys($("play-canvas"));
    shared.onChoice("tool", show);
    show();
  }

  return { start, show };
})();
