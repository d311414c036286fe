"""What a WSGI server loads: gunicorn asks for `app`, Passenger and mod_wsgi for `application`."""

from chat.app import create_app

app = application = create_app()
