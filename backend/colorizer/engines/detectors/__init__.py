"""Published networks that detect the lines or the foreground of a picture."""
