"""Real art, to train on and to choose by: pictures of packages under free licences, rasterised, divided into fills.

`families.json` names every package, its licence and authors, and on which side of the split each family stands: what is
`deciding` is never trained on. `library.build` fetches and prepares everything once, `pairs` makes triplets of it.
Needs the `training` extra; npm and apt are called only for packages that aren't there yet.
"""
