"""FLUX.2 klein (Black Forest Labs, 2026) as a colorizer: an edit model that gets the sketch, references and a prompt.

The network and the sampling are diffusers' `Flux2KleinPipeline`. The modules here:

- `pictures`, `instructions`, `hints`, `drawing`: convert a request to the pipeline's inputs and run it.
- `checkpoint_keys`, `files`, `install`, `model`, `lora`: find and load the model's files.
- `embeddings`: embeds an instruction once and caches the result.
- `registration`: finds how far the model moved the drawing.
- `series`: pages of a series. `speed`: memory profiles. `engine`: the engine itself.
"""
