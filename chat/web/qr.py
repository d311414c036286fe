"""A link as a QR code: for the camera of the device that shall open it."""

from markupsafe import Markup

LINK_MAX = 500  # characters; longer ones come from no real host, take the loop long, and no camera reads them well
QUIET_MODULES = 4  # of white around it, as ISO/IEC 18004 has it
MODULE_PIXELS = 4  # whole ones, so that the edges are sharp


def svg(link: str) -> Markup | None:
    """The code as inline SVG, dark on white in every scheme of colours; None where there can be none."""
    if len(link) > LINK_MAX:
        return None
    try:
        import segno  # late, for it is seldom asked for
    except ImportError:  # a host's files were brought up to date, but not its packages
        return None
    code = segno.make_qr(link, error="m")
    return Markup(code.svg_inline(border=QUIET_MODULES, scale=MODULE_PIXELS, dark="#000", light="#fff"))
