#!/home/alice/longwave-venv/bin/python
"""Longwave as CGI: the process starts with the request, answers it and ends."""

import gc

gc.disable()  # it ends before there is anything to collect; looking for it would be a third of all the work

import logging  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402

sys.path.insert(0, "/home/alice/longwave")
os.environ.setdefault("CHAT_INSTANCE", "/home/alice/longwave/instance")

from wsgiref.handlers import CGIHandler  # noqa: E402

from chat.app import create_app  # noqa: E402

# The rule in .htaccess leads here; addresses shall not show it.
os.environ["SCRIPT_NAME"] = os.environ.get("SCRIPT_NAME", "").removesuffix("/longwave.cgi")
logging.getLogger("chat").setLevel(logging.WARNING)  # the web server logs requests
CGIHandler().run(create_app())
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)  # everything is closed; what Python would tidy up is the process itself
