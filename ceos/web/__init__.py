"""The web app: where Neynar's webhooks arrive. FastAPI and uvicorn are loaded only by those who serve it."""
