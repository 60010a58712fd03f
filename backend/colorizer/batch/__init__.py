"""`colorize batch`: colours a folder of pages or frames from the same references.

`pages` lists the pages. `work` colours one page, from bytes to bytes, so that this can be done on any machine. `crew`
runs such tasks in this process, `cluster` on the machines of a Ray cluster. `journal` records the finished results.
`run` controls a whole batch.
"""
