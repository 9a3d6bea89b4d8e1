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
    const examples = name => arrays[`${name}/pixels`] && {
      pixels: arrays[`${name}/pixels`], y: arrays[`${name}/y`], index: arrays[`${name}/index`],
      counted: get(`${name}/counted`), name: about[`${name}_names`] ?? null,
    };
    return {
      about, W: get("W"), b: get("b"), mean: get("mean"), std: get("std"), means: get("means"),
      frames: get("frames"), val: examples("val") || null, train: examples("train") || null,
    };
  }

  return { load };
})();
