# graphite-web with its own static files: there is no other web server in front.
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.wsgi import get_wsgi_application

graphite = StaticFilesHandler(get_wsgi_application())


def application(environ, start_response):
    # Browsers ask for it unasked; graphite-web has none and would log an error page for it.
    if environ.get("PATH_INFO") == "/favicon.ico":
        start_response("204 No Content", [])
        return []
    return graphite(environ, start_response)
