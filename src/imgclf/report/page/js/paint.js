// Paint: images, templates, lines and words on a canvas, in the colors of the style sheet.
const paint = (() => {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const themeChanged = shared.signal();
  dark.addEventListener("change", () => themeChanged.send());

  // ---- colors --------------------------------------------------------------------------------------------------

  /** A color of the style sheet as [red, green, blue]. */
  function rgb(name) {
    const text = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  }

  const mix = (from, to, share) => from.map((value, k) => value + (to[k] - value) * share);
  const color = (name, alpha = 1) => `rgb(${rgb(name).join(" ")} / ${alpha})`;

  // ---- pixels: one of the canvas each, which the style sheet makes squares -------------------------------------

  /** Draw an image of the data, (H, W, channels) in 0..white. */
  function drawImage(canvas, pixels, { height, width, channels, white }, offset = 0) {
    drawPixels(canvas, height, width, (p) => {
      const at = offset + p * channels;
      const values = channels === 3 ? [pixels[at], pixels[at + 1], pixels[at + 2]] : [pixels[at], pixels[at], pixels[at]];
      return white === 255 ? values : values.map((value) => (255 * value) / white);
    });
  }

  /** Draw signed values (H, W) as colors: `for` above 0, the paper at 0, `against` below. */
  function drawSigned(canvas, values, { height, width }, scale) {
    const [zero, above, below] = [rgb("zero"), rgb("for"), rgb("against")];
    drawPixels(canvas, height, width, (p) =>
      mix(zero, values[p] > 0 ? above : below, Math.min(1, Math.abs(values[p]) / scale)));
  }

  /** Draw a template (H, W, channels) in -scale..scale: signed colors, or red, green and blue around middle gray. */
  function drawTemplate(canvas, weights, image, scale) {
    if (image.channels === 1) return drawSigned(canvas, weights, image, scale);
    return drawImage(canvas, weights.map((weight) => 127.5 + 127.5 * shared.clamp(weight / scale, -1, 1)), { ...image, white: 255 });
  }

  /** Draw [red, green, blue] of each pixel. */
  function drawPixels(canvas, height, width, colorOf) {
    const image = new ImageData(width, height);
    image.data.fill(255);
    for (let p = 0; p < height * width; p++) image.data.set(colorOf(p), 4 * p);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  /** Show where a pixel is, by a frame over its canvas. */
  function placeFrame(frame, { height, width }, [row, column]) {
    Object.assign(frame.style, {
      left: `${(100 * column) / width}%`, top: `${(100 * row) / height}%`,
      width: `${100 / width}%`, height: `${100 / height}%`,
    });
  }

  /** The pixel [row, column] of an image under a pointer. */
  function pixelAt(event, canvas, { height, width }) {
    const box = canvas.getBoundingClientRect();
    const within = (share, size) => shared.clamp(Math.floor(share * size), 0, size - 1);
    return [within((event.clientY - box.top) / box.height, height), within((event.clientX - box.left) / box.width, width)];
  }

  // ---- lines and words: the unit is the CSS pixel, as fine as the screen ---------------------------------------

  function sharpContext(canvas, { width, height } = canvas.getBoundingClientRect()) {
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    const context = canvas.getContext("2d");
    context.scale(canvas.width / Math.max(1, width), canvas.height / Math.max(1, height));
    context.font = `13px ${getComputedStyle(document.body).fontFamily}`;
    return { context, width, height };
  }

  function line(context, points, style, thickness, dash = []) {
    context.beginPath();
    points.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
    Object.assign(context, { strokeStyle: style, lineWidth: thickness, lineJoin: "round" });
    context.setLineDash(dash);
    context.stroke();
    context.setLineDash([]);
  }

  function dot(context, [x, y], radius, fill, ring = null) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    if (fill) {
      context.fillStyle = fill;
      context.fill();
    }
    if (ring) {
      context.strokeStyle = ring;
      context.lineWidth = 2;
      context.stroke();
    }
  }

  /** Write words with a rim of paper around them. */
  function words(context, text, [x, y], style, align = "left") {
    Object.assign(context, { textAlign: align, lineWidth: 4, lineJoin: "round", strokeStyle: color("paper", 0.9), fillStyle: style });
    context.strokeText(text, x, y);
    context.fillText(text, x, y);
  }

  return {
    themeChanged, rgb, mix, color, drawPixels, drawImage, drawSigned, drawTemplate, placeFrame, pixelAt, sharpContext, line, dot, words,
  };
})();
