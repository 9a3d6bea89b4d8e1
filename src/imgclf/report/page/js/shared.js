// What the sections share: elements, words for numbers, signals, controls, questions, the live region.
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
  /** Write a number with so many digits, but those of a diverged run as powers of ten. */
  const fixed = (value, digits = 2) =>
    (Number.isFinite(value) && Math.abs(value) < 1e6 ? withMinus(value.toFixed(digits)) : compact(value));
  const signed = (value, digits = 2) => (value < 0 ? "" : "+") + fixed(value, digits).replace(/^\u2212(0(\.0*)?)$/, "$1");
  const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}\u202f%`;
  const whole = (count) => count.toLocaleString("en-US");
  const plural = (count, one, many = `${one}s`) => `${whole(count)} ${count === 1 ? one : many}`;

  const sentenceCase = (text) => text[0].toUpperCase() + text.slice(1);

  const VAST = 1e4; // from here on, numbers need wider columns

  /** Write a number of any size: 0.376, 12.5, 1.23e+5. */
  function compact(value) {
    if (!Number.isFinite(value)) return "no finite number"; // JSON has null for it
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e5)) return withMinus(value.toExponential(2));
    return withMinus(String(Number(value.toPrecision(3))));
  }

  /** How a number went from one value to another, as both are printed. */
  function went(from, to, digits) {
    const [before, after] = [from, to].map((value) => fixed(value, digits));
    if (before === after) return `stayed at ${before}`;
    return `${Number.isFinite(to) && to < from ? "fell" : "rose"} from ${before} to ${after}`;
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

  const clamp = (value, least, most) => Math.max(least, Math.min(most, value));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

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

  // ---- signals -------------------------------------------------------------------------------------------------

  /** A list of listeners: signal.watch(listener), signal.send(value). */
  function signal() {
    const listeners = [];
    return { watch: (listener) => listeners.push(listener), send: (value) => listeners.forEach((each) => each(value)) };
  }

  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  // ---- what is said aloud --------------------------------------------------------------------------------------

  let saying = 0;
  /** Tell screen readers, once the reader pauses. */
  function say(text) {
    clearTimeout(saying);
    saying = setTimeout(() => { $("live").textContent = text; }, 500);
  }

  // ---- controls ------------------------------------------------------------------------------------------------

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
   * A question that is answered by doing. `reveal(text)` shows the computed answer; it is called by what the reader
   * does, and by nothing else.
   */
  function question(id) {
    const answer = $(`${id}-answer`);
    return {
      isOpen: () => answer.classList.contains("open"),
      reveal(text) {
        answer.textContent = text;
        answer.classList.add("open");
        say(text);
      },
    };
  }

  /** What the reader predicted, to be set beside an answer. */
  const youSaid = (guess) => (guess === "" ? "" : ` You said ${guess}.`);

  return {
    $, element, VAST, fixed, signed, percent, whole, plural, compact, went, sentenceCase, roundToSum, clamp, mean, argmax, ranking, quantile,
    nearest, signal, calm, say, onArrows, placeBars, placeBar, chosen, choose, onChoice, whenNear, question, youSaid,
  };
})();
