"""How well an engine colours: a corpus's items, a judge, baselines beside it, a report and a contact sheet."""
