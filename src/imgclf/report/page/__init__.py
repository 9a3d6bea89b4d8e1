"""The page report.html: explain a run, and let one try.

    samples      images that the model mistakes
    baselines    what simpler classifiers reach on the same images
    hill         the loss on a plane through the weights
    description  what the page says in words and numbers
    contents     its arrays, within a budget of bytes, and the page itself
    packing      arrays as text
    rendering    HTML from the template, style and scripts

The scripts in js/ do the same mathematics as the package, in float64; tests hold them to it in a browser.
"""
