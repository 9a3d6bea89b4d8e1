// What the sections share: the state in the hash, words for numbers, pixels on a canvas, the live region.
//
// Class names and everything else from the data is untrusted text: it reaches the page through textContent, and
// positions and widths through the CSSOM. Nothing here, nor in any section, writes HTML.
const shared = (() => {
  const $ = (id) => document.getElementById(id);

  /** Make an element; children are nodes or text. */
  function element(name, properties = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key.includes("-") || key === "role" || key === "scope") made.setAttribute(key, value);
      else made[key] = value;
    }
    made.append(...children);
    return made;
  }

  // ---- numbers in words ----------------------------------------------------------------------------------------

  const MINUS = "\u2212";
  const withMinus = (text) => (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text.replace("-", MINUS));
  const fixed = (value, digits = 2) => (Math.abs(value) < 1e6 ? withMinus(value.toFixed(digits)) : compact(value)); // a diverged run
  const signed = (value, digits = 2) => (value < 0 ? "" : "+") + fixed(value, digits).replace(/^\u2212(0(\.0*)?)$/, "$1");
  const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}\u202f%`;
  const whole = (count) => count.toLocaleString("en-US");
  const plural = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;

  /** Write a number of any size: 0.376, 12.5, 1.23e+5. */
  function compact(value) {
    if (!Number.isFinite(value)) return String(value);
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e5)) return withMinus(value.toExponential(2));
    return withMinus(String(Number(value.toPrecision(3))));
  }

  /**
   * Round numbers so that what is printed adds up as printed: the total is rounded by itself, and what the rounded
   * parts miss of it is given to the largest of them, where it is least noticed. Returns integers in units of the
   * last digit, for sums of them are exact.
   */
  function roundToSum(parts, digits) {
    const unit = 10 ** digits;
    const rounded = parts.map((part) => Math.round(part * unit));
    const total = Math.round(parts.reduce((sum, part) => sum + part, 0) * unit);
    const largest = parts.reduce((best, part, k) => (Math.abs(part) > Math.abs(parts[best]) ? k : best), 0);
    rounded[largest] += total - rounded.reduce((sum, part) => sum + part, 0);
    return { parts: rounded.map((part) => part / unit), total: total / unit };
  }

  function argmax(values) {
    let best = 0;
    for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k;
    return best;
  }

  /** The positions of the values, from the largest down; equal values in their order. */
  const ranking = (values) => Array.from(values, (_, k) => k).sort((j, k) => values[k] - values[j] || j - k);

  /** The value that a share of the values are below; sorts them. */
  function quantile(values, share) {
    values.sort();
    return values[Math.min(values.length - 1, Math.floor(share * values.length))];
  }

  function nearest(sorted, value) {
    let best = 0;
    for (let k = 1; k < sorted.length; k++) if (Math.abs(sorted[k] - value) < Math.abs(sorted[best] - value)) best = k;
    return best;
  }

  // ---- signals and the state in the hash -----------------------------------------------------------------------

  /** A list of listeners: signal.watch(listener), signal.send(value). */
  function signal() {
    const listeners = [];
    return { watch: (listener) => listeners.push(listener), send: (value) => listeners.forEach((each) => each(value)) };
  }

  const wholeNumber = (text) => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);
  const positive = (text) => (Number(text) > 0 && Number.isFinite(Number(text)) ? Number(text) : undefined);
  const flag = (text) => (text === "1" ? true : undefined);
  const oneOf = (...words) => (text) => (words.includes(text) ? text : undefined);
  const pair = (text) => (/^-?\d{1,5},-?\d{1,5}$/.test(text) ? text.split(",").map(Number) : undefined);

  // What a link to the page can say, and what reads it; words and values that none of them accepts are passed over.
  const FIELDS = {
    at: oneOf("result", "play", "why", "learned", "how", "hill", "onestep", "mistakes", "record"),
    image: wholeNumber, // position in the validation split
    move: pair, // down, right
    mirror: flag,
    invert: flag,
    show: oneOf("difference", "first", "second"),
    against: oneOf("mean", "ink"),
    step: wholeNumber, // learning steps done, of the slider
    optimizer: oneOf("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"),
    ball: positive, // step size of the ball
    from: oneOf("zero", "trained"),
    size: positive, // step size of the one step
    cell: pair, // true class, predicted class
  };

  /** Read what a hash says; #play alone is a link to a section. */
  function parseHash(hash) {
    const found = {};
    for (const word of hash.replace(/^#/, "").split("&")) {
      const [name, text] = word.includes("=") ? [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)] : ["at", word];
      const value = Object.hasOwn(FIELDS, name) ? FIELDS[name](text) : undefined;
      if (value !== undefined) found[name] = value;
    }
    return found;
  }

  const values = parseHash(location.hash);
  const changed = signal();

  const state = {
    get: (name, otherwise) => values[name] ?? otherwise,

    /** Set fields, null to forget one; who watches is told once. */
    set(fields) {
      const names = Object.keys(fields).filter((name) => String(values[name] ?? "") !== String(fields[name] ?? ""));
      if (!names.length) return;
      for (const name of names) {
        if (fields[name] === null) delete values[name];
        else values[name] = fields[name];
      }
      writeHash();
      changed.send(new Set(names));
    },

    watch: (names, listener) => changed.watch((changes) => names.some((name) => changes.has(name)) && listener(changes)),
  };

  let writing = 0;
  function writeHash() {
    // Not at once: a slider changes the state faster than browsers accept new addresses (100 in 30 seconds).
    clearTimeout(writing);
    writing = setTimeout(() => {
      const hash = Object.entries(values).map(([name, value]) => `${name}=${value === true ? 1 : value}`).join("&");
      history.replaceState(null, "", `#${hash}`);
    }, 400);
  }

  window.addEventListener("hashchange", () => {
    const found = parseHash(location.hash);
    const forgotten = Object.fromEntries(Object.keys(values).map((name) => [name, null]));
    // A link to a section moves the reader, and changes nothing else.
    state.set(Object.keys(found).join() === "at" ? found : { ...forgotten, ...found });
  });

  // ---- what is said aloud --------------------------------------------------------------------------------------

  let saying = 0;
  /** Tell screen readers, once the reader pauses. */
  function say(text) {
    clearTimeout(saying);
    saying = setTimeout(() => { $("live").textContent = text; }, 500);
  }

  // ---- colors and pixels ---------------------------------------------------------------------------------------

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const themeChanged = signal();
  dark.addEventListener("change", () => themeChanged.send());

  /** A color of the style sheet as [red, green, blue]. */
  function color(name) {
    const text = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  }

  const mix = (from, to, share) => from.map((value, k) => value + (to[k] - value) * share);
  const css = (rgb, alpha = 1) => `rgb(${rgb.map(Math.round).join(" ")} / ${alpha})`;

  /** Draw an image of the data, (H, W, channels) in 0..255, one canvas pixel each: the style sheet makes them squares. */
  function drawImage(canvas, pixels, { height, width, channels }, offset = 0) {
    const image = new ImageData(width, height);
    for (let p = 0; p < height * width; p++) {
      for (let k = 0; k < 3; k++) image.data[4 * p + k] = pixels[offset + p * channels + (channels === 3 ? k : 0)];
      image.data[4 * p + 3] = 255;
    }
    put(canvas, image);
  }

  /** Draw signed values (H, W) as colors: `for` above 0, the paper at 0, `against` below. */
  function drawSigned(canvas, signedValues, height, width, scale) {
    const [zero, above, below] = [color("zero"), color("for"), color("against")];
    const image = new ImageData(width, height);
    for (let p = 0; p < height * width; p++) {
      const share = Math.min(1, Math.abs(signedValues[p]) / scale);
      const rgb = mix(zero, signedValues[p] > 0 ? above : below, share);
      for (let k = 0; k < 3; k++) image.data[4 * p + k] = rgb[k];
      image.data[4 * p + 3] = 255;
    }
    put(canvas, image);
  }

  /** Draw a template (H, W, channels) in -scale..scale: signed colors, or red, green and blue around middle gray. */
  function drawTemplate(canvas, weights, image, scale) {
    if (image.channels === 1) return drawSigned(canvas, weights, image.height, image.width, scale);
    const pixels = Array.from(weights, (weight) => 127.5 + 127.5 * Math.max(-1, Math.min(1, weight / scale)));
    return drawImage(canvas, pixels, image);
  }

  function put(canvas, image) {
    if (canvas.width !== image.width || canvas.height !== image.height) {
      canvas.width = image.width;
      canvas.height = image.height;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  /** A context whose unit is the CSS pixel, on a canvas as fine as the screen. */
  function sharpContext(canvas) {
    const { width, height } = canvas.getBoundingClientRect();
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.max(1, Math.round(width * ratio));
    canvas.height = Math.max(1, Math.round(height * ratio));
    const context = canvas.getContext("2d");
    context.scale(canvas.width / Math.max(1, width), canvas.height / Math.max(1, height));
    context.font = `13px ${getComputedStyle(document.body).fontFamily}`;
    return { context, width, height };
  }

  /** Show where a pixel is, by a frame over its canvas. */
  function placeFrame(frame, { height, width }, row, column) {
    Object.assign(frame.style, {
      left: `${(100 * column) / width}%`, top: `${(100 * row) / height}%`,
      width: `${100 / width}%`, height: `${100 / height}%`,
    });
  }

  /** The pixel of an image under a pointer. */
  function pixelAt(event, canvas, { height, width }) {
    const box = canvas.getBoundingClientRect();
    const within = (position, size) => Math.max(0, Math.min(size - 1, Math.floor(position * size)));
    return [
      within((event.clientY - box.top) / box.height, height),
      within((event.clientX - box.left) / box.width, width),
    ];
  }

  const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

  /** Call `act([down, right])` for arrow keys on an element. */
  function onArrows(target, act) {
    target.addEventListener("keydown", (event) => {
      if (!Object.hasOwn(ARROWS, event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault(); // or the page would scroll
      act(ARROWS[event.key]);
    });
  }

  // ---- bars and other positions that come as numbers -----------------------------------------------------------

  /** Give elements with data-from and data-to, shares of their box, that place. */
  function placeBars(root) {
    for (const { dataset, style } of root.querySelectorAll("[data-to]")) {
      const from = Number(dataset.from ?? 0);
      Object.assign(style, { left: `${100 * from}%`, width: `${100 * (dataset.to - from)}%` });
    }
  }

  /** Let a bar as wide as its box end at these shares of it. Transformed bars do not lay out the page again. */
  function placeBar(bar, from, to) {
    bar.style.transform = `translateX(${100 * from}%) scaleX(${to - from})`;
  }

  /** The chosen value of a group of radio buttons, and what to do when it changes. */
  const chosen = (name) => document.querySelector(`input[name="${name}"]:checked`)?.value;
  function choose(name, value) {
    for (const radio of document.querySelectorAll(`input[name="${name}"]`)) radio.checked = radio.value === value;
  }
  function onChoice(name, act) {
    for (const radio of document.querySelectorAll(`input[name="${name}"]`)) radio.addEventListener("change", () => act(radio.value));
  }

  /** Call `start` once, when the section is about to be seen: what takes long waits until then. */
  function whenNear(section, start) {
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      start();
    }, { rootMargin: "400px" });
    observer.observe(section);
  }

  // ---- questions -----------------------------------------------------------------------------------------------

  /**
   * A question that is answered by doing. `reveal(text)` shows the computed answer beside what the reader predicted;
   * it is called by what the reader does, and by nothing else.
   */
  function question(id) {
    const [guess, answer] = [$(`${id}-guess`), $(`${id}-answer`)];
    let open = false;
    return {
      guess: () => (guess ? guess.value : ""),
      isOpen: () => open,
      reveal(text, aloud = true) {
        open = true;
        answer.textContent = text;
        answer.classList.add("open");
        if (aloud) say(text);
      },
      close() {
        open = false;
        answer.textContent = answer.dataset.closed;
        answer.classList.remove("open");
      },
    };
  }

  return {
    $, element, fixed, signed, percent, whole, plural, compact, roundToSum, argmax, ranking, quantile, nearest, signal, state,
    parseHash, say, color, mix, css, themeChanged, calm, drawImage, drawSigned, drawTemplate, sharpContext, placeFrame,
    pixelAt, onArrows, placeBars, placeBar, chosen, choose, onChoice, whenNear, question,
  };
})();
