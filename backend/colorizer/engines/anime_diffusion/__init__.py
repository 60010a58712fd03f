"""AnimeDiffusion: colours anime faces with a diffusion model in pixel space (arXiv 2303.11137, TVCG 2024).

`unet` is the network, `diffusion` the noise schedule, samplers and losses, `pictures` line extraction, warp and
conversion, `checkpoint` the published file layout, `pipeline` the diffusers pipeline, and `engine` its connection to
the program. Training is in `colorizer_lab.training.anime_diffusion`. No checkpoint was ever published; users train
their own.
"""
