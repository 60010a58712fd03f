"""Folders of pages or frames from one pool of references: `colorize batch`.

`pages` finds them; `work` is what is done to one page, from bytes to bytes, so that it can be done on any machine;
`crew` does such tasks here, `cluster` on the machines of a Ray cluster; `journal` remembers what was made; `run` puts
all in order.
"""
