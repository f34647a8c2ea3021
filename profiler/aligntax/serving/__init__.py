"""aligntax in front of a server: an ASGI middleware, and a reverse proxy made of the same parts."""
