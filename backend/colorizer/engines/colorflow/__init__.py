"""ColorFlow: pages coloured from a pool of references by in-context attention (arXiv 2412.11815).

In the paper's order: `retrieval` chooses patches of the references and stitches the canvas; `condition`, `sd_guider`,
`pixart_guider`, `lora`, `sd_pipeline` and `pixart_pipeline` colour it; `super_resolution` brings it back to the page.
`line_extractor`, `screenstyle` and `input_style` prepare the page; `published` reads the published files;
`engine` is the door.
"""
