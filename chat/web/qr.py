"""A link as a QR code, for the camera of the device that is to open it."""

from markupsafe import Markup

LINK_MAX = 500  # characters; longer ones come from no real host, block the loop and are hard to scan
QUIET_MODULES = 4  # of white around it, as ISO/IEC 18004 requires
MODULE_PIXELS = 4  # whole ones, so that the edges are sharp


def svg(link: str) -> Markup | None:
    """The code as inline SVG, dark on white in every colour scheme; None for too long a link or without segno."""
    if len(link) > LINK_MAX:
        return None
    try:
        import segno  # late, because it is seldom needed
    except ImportError:  # a host whose files were updated, but not its packages
        return None
    code = segno.make_qr(link, error="m")
    return Markup(code.svg_inline(border=QUIET_MODULES, scale=MODULE_PIXELS, dark="#000", light="#fff"))
