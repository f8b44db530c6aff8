"""The web app: where webhooks arrive, and what agents show the world. FastAPI is loaded only by those who serve it."""
