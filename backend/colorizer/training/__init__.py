"""One trainer for each recipe. Nothing an artist runs needs this room; it loads torch when a training starts.

`match` makes the built-in network from our own drawings. `loop` holds what trainers share: stopping, resuming, logging.
"""
