"""A browser at the app itself, without a server: for hosts that answer one request at a time, or end with it."""


class Browser:
    def __init__(self, app, is_run_once=False):
        self._client = app.test_client()
        # As wsgiref has it, which says under CGI that there are threads.
        self._environ = {"wsgi.multithread": is_run_once, "wsgi.run_once": is_run_once, "REMOTE_ADDR": "127.0.0.1"}

    def get(self, path):
        with self._client.get(path, environ_overrides=self._environ) as answer:
            answer.get_data()
            return answer

    def post(self, path, **fields):
        """A form as a page's script sends it."""
        headers = {"X-CSRF-Token": self.get("/session").json["csrf_token"], "Accept": "application/json"}
        with self._client.post(path, data=fields, headers=headers, environ_overrides=self._environ) as answer:
            answer.get_data()
            return answer
