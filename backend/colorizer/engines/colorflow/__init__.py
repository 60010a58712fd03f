"""ColorFlow: colours pages from a pool of references by in-context attention (arXiv 2412.11815).

The modules in the paper's order:

- `input_style`, `screenstyle` and `engines.detectors` prepare the page.
- `image_tower` and `retrieval` choose patches of the references and stitch the canvas (section 3.1).
- `condition`, `sd_guider`, `pixart_guider`, `lora`, `prompts`, `in_context`, `sd_pipeline` and `pixart_pipeline` colour
  the canvas (section 3.2).
- `super_resolution` scales the result up to the page (section 3.3).
- `page` runs all stages; `engine` connects them to the program.
- `published` and `convert` read the published files; `model` stores them as a model folder.
"""
