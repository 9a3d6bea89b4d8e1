// The address: the state of the page in its hash, so that a link opens it at an image, a step, a step size.
const address = (() => {
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
  const changed = shared.signal();

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

  return { parseHash, state };
})();
