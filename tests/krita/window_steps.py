"""What several tests do in Krita's window. Functions without a `krita` run inside it, see `Session.call`."""

DOCKER = "import inside_docker\nglobals().update(vars(inside_docker))"
"""Makes what these functions name known inside Krita."""


def empty():
    yield from close_all()
    window.qwindow().showMaximized()
    hide_other_dockers()
    widget("pages").setCurrentIndex(0)
    yield from ticks(10)


def open_it(space="RGBA U8", side=240):
    """The drawing's layers: their ids by name."""
    yield from open_drawing(space, side)
    yield from ticks(30)
    return {node.name(): id_of(node) for node, _ in wrappers.walk(document().rootNode())}


def rest(count=10):
    yield from ticks(count)


def has_result():
    return bool(session().document.results) and session().document.results[0].base is not None


def is_applied():
    return group() is not None
