"""Values and rules of the docker: no Qt, no Krita, no files."""
