"""Not run. What PythonAnywhere loads: /var/www/alice_pythonanywhere_com_wsgi.py"""

import os
import sys

sys.path.insert(0, "/home/alice/longwave")
os.environ["CHAT_INSTANCE"] = "/home/alice/longwave/instance"

from wsgi import application  # noqa: F401
