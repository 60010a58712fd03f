"""Values and rules of the docker, without Qt, Krita and files."""
