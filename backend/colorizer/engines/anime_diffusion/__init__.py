"""AnimeDiffusion: anime faces coloured by a diffusion model in pixel space (arXiv 2303.11137, TVCG 2024).

`unet` is the network, `diffusion` the noise schedule, the samplers and the losses, `pictures` the lines, the warp and
the way between pictures and tensors, `checkpoint` the published file layout, `pipeline` the diffusers pipeline,
`engine` the door. Training is `colorizer_lab.training.anime_diffusion`. No checkpoint was ever published: models are
trained here or by the user.
"""
