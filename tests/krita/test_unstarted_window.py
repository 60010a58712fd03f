"""A plugin that cannot start in this Krita says so in the docker's place and in Krita's log, in words."""

import pytest
from colorizer.krita_host import install
from colorizer_lab.krita import session

pytestmark = pytest.mark.window


def told():
    """What the label shows once there is a picture; None while it isn't in sight."""
    window = krita.Krita.instance().activeWindow()
    if window.activeView().document() is None:
        window.addView(krita.Krita.instance().createDocument(60, 40, "d", "RGBA", "U8", "", 72.0))
    label = window.qwindow().findChild(krita.QLabel, "colorize_unstarted_label")
    return label.text() if label is not None and label.isVisible() else None


@pytest.mark.parametrize(
    ("module", "fault", "error"),
    [
        (
            "krita_port/dock.py",
            "Krita.makeCoffee",
            "AttributeError: type object 'Krita' has no attribute 'makeCoffee'",
        ),
        ("plugin.py", "import teapot", "ModuleNotFoundError: No module named 'teapot'"),
        ("app/session.py", "import teapot", "ModuleNotFoundError: No module named 'teapot'"),
    ],
)
def test_plugin_that_cannot_start_says_so(display, tmp_path, module, fault, error):
    folders = install.user_folders({"HOME": str(tmp_path)})
    planted = install.install(folders) / module
    planted.write_text(f"{planted.read_text('utf-8')}\n{fault}\n", "utf-8")
    with session.bare(display, tmp_path) as krita:
        text = krita.wait_until(told, timeout_s=60)
        log = krita.log()
    assert text.startswith(f"Krita Colorize could not start: {error}")
    assert "Install its newest version." in text
    assert error in log
    assert "Traceback" in log
