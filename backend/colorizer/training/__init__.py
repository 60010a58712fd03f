"""One trainer per recipe."""
