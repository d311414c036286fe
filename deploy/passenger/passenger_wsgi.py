"""What Passenger loads: put this file beside wsgi.py. It logs warnings alone; the web server logs requests."""

import logging
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wsgi import application  # noqa: F401

logging.getLogger("chat").setLevel(logging.WARNING)
