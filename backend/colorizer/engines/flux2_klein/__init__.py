"""FLUX.2 klein (Black Forest Labs, 2026) as a colorizer: sketch and references go in as pictures with an instruction.

The network and the sampling are diffusers' (`Flux2KleinPipeline`); here is how a request is translated for it
(`pictures`, `instructions`, `drawing`), how its files are found and read (`checkpoint_keys`, `files`, `model`), the
text encoder that is needed once per text (`embeddings`), and how far the model moved the drawing (`registration`).
"""
