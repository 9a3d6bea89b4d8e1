// The data of the page: what it says, and its arrays, read from the page itself.
const data = (() => {
  const KINDS = {
    float32: Float32Array, float64: Float64Array, uint8: Uint8Array, int8: Int8Array, int32: Int32Array,
  };

  async function load() {
    const about = JSON.parse(document.getElementById("about").textContent);
    const bytes = fromBase64(document.getElementById("arrays").textContent.trim());
    const arrays = {};
    let at = 0;
    await Promise.all(about.arrays.map(async one => {
      const part = bytes.subarray(at, at += one.bytes);
      arrays[one.name] = await unpack(part, one);
    }));
    return assemble(about, arrays);
  }

  function fromBase64(text) {
    const characters = atob(text), bytes = new Uint8Array(characters.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
    return bytes;
  }

  // Images never pass through a canvas on their way in: some browsers change what it returns.
  async function unpack(deflated, { dtype, shape, channels }) {
    const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate"));
    const array = new KINDS[dtype](await new Response(stream).arrayBuffer());
    if (channels) undoDifferences(array, shape[2] * channels, channels);
    return array;
  }

  // Each pixel is stored as its difference from the one to its left; bytes wrap around.
  function undoDifferences(bytes, width, channels) {
    for (let row = 0; row < bytes.length; row += width)
      for (let i = row + channels; i < row + width; i++) bytes[i] += bytes[i - channels];
  }

  function assemble(about, arrays) {
    const get = name => arrays[name] ?? null;
    const data = {
      about, W: get("W"), b: get("b"), mean: get("mean"), std: get("std"), means: get("means"), frames: get("frames"),
      val: examples(arrays, "val", about.val_names), train: examples(arrays, "train", null), hill: null,
    };
    // Without a validation split, the images that are shown are training images.
    if (!data.train && data.val && about.result.split === "train") data.train = counted(data.val);
    if (about.hill) data.hill = surfaceOf(about, arrays, data.train.y);
    return data;
  }

  function examples(arrays, split, name) {
    const [pixels, y, index, counted] = ["pixels", "y", "index", "counted"].map(key => arrays[`${split}/${key}`]);
    return pixels ? { pixels, y, index, counted: counted ?? null, name } : null;
  }

  // Those examples that are in the stratified sample, and not only shown.
  function counted({ pixels, y, index, counted }) {
    const rows = Array.from(counted.keys()).filter(i => counted[i]), D = pixels.length / y.length;
    const some = new pixels.constructor(rows.length * D);
    rows.forEach((row, i) => some.set(pixels.subarray(row * D, (row + 1) * D), i * D));
    return { pixels: some, y: Int32Array.from(rows, i => y[i]), index: Int32Array.from(rows, i => index[i]) };
  }

  // What core.surface takes.
  function surfaceOf(about, arrays, y) {
    const { loss, l2, l1, class_weights: classWeights } = about, { products } = about.hill;
    const [scores, axes] = ["hill/scores", "hill/axes"].map(name => arrays[name] ? thirds(arrays[name]) : null);
    return { scores, y, loss, l2, l1, classWeights, products, axes };
  }

  function thirds(array) {
    const n = array.length / 3;
    return [0, 1, 2].map(i => array.subarray(i * n, (i + 1) * n));
  }

  return { load };
})();
