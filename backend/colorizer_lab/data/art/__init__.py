"""Real art for training and validation: pictures of packages under free licences, rasterised and segmented into fills.

`families.json` lists every package with its licence and authors, and the split of each family. The `deciding` split is
the validation set and never used for training. `library.build` downloads and prepares everything once, `pairs` makes
triplets of it. It needs the `training` extra; npm and apt are called only for packages that are not cached.
"""
