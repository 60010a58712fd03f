"""ColorFlow: pages coloured from a pool of references by in-context attention (arXiv 2412.11815).

In the paper's order: `image_tower` and `retrieval` choose patches of the references and stitch the canvas; `condition`,
`sd_guider`, `pixart_guider`, `lora`, `prompts`, `in_context`, `sd_pipeline` and `pixart_pipeline` colour it;
`super_resolution` brings it back to the page. `input_style`, `screenstyle` and `engines.detectors` prepare the page,
`page` puts all in order. `published` and `convert` read the published files, `model` keeps them as a folder, and
`engine` is the door.
"""
