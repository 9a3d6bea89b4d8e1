// Moves: an image moved, mirrored, inverted; free of the page.
const moves = (() => {
  /** Move an image down and right; border pixels are repeated where others moved away, as `augment.shift` does. */
  function moved(pixels, { height, width, channels }, down, right) {
    return rearranged(pixels, { height, width, channels }, (row, column) =>
      shared.clamp(row - down, 0, height - 1) * width + shared.clamp(column - right, 0, width - 1));
  }

  const mirrored = (pixels, image) =>
    rearranged(pixels, image, (row, column) => row * image.width + image.width - 1 - column);

  const inverted = (pixels, { white }) => pixels.map((value) => white - value);

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

  return { moved, mirrored, inverted };
})();
